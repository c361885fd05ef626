"""Encoders of one column: amounts, and categories as 0 and 1 or as integers."""

from typing import Any

import numpy as np

from nnlite.data.table import Table
from nnlite.errors import DataError, needed_for
from nnlite.registry import Configurable

__all__ = ["ColumnEncoder", "Numeric", "OneHot", "Ordinal"]


class ColumnEncoder(Configurable, family="column encoder"):
    """Turns one column of a table into one or more columns of numbers."""

    name: str

    def encode(self, table: Table) -> np.ndarray:
        """Shape: (rows, columns of numbers)."""
        raise NotImplementedError


class Numeric(ColumnEncoder):
    """A standardised column: (value - mean) / scale, where a missing value counts as the median.

    Args:
        name: the column.
        fill: median of the training part.
        mean: mean of the training part, after filling.
        scale: standard deviation of the training part, after filling; 1 for a constant column.
    """

    fill: float
    mean: float
    scale: float

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "Numeric":
        """The encoder of a column as its `rows` suggest; `DataError` if they hold no value at all."""
        with needed_for("columns of numbers are scaled by scikit-learn", "scikit-learn"):
            from sklearn.impute import SimpleImputer
            from sklearn.preprocessing import StandardScaler

        values = table.numbers(name)[rows, None]
        if np.isnan(values).all():
            raise DataError(f"{table.path}: column {name!r} has no value in the training part; add it to `drop`")
        imputer: Any = SimpleImputer(strategy="median").fit(values)
        scaler: Any = StandardScaler().fit(imputer.transform(values))
        return cls(name, float(imputer.statistics_[0]), float(scaler.mean_[0]), float(scaler.scale_[0]))

    def encode(self, table: Table) -> np.ndarray:
        values = table.numbers(self.name)[:, None]
        return (np.where(np.isnan(values), self.fill, values) - self.mean) / self.scale


class OneHot(ColumnEncoder):
    """One column of 0 and 1 per category; all 0 for a category that the training part did not hold.

    Args:
        name: the column.
        categories: the values of the training part; `""` is the category of missing values.
    """

    categories: list[str]

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "OneHot":
        """The encoder of a column as its `rows` suggest."""
        with needed_for("categories are encoded by scikit-learn", "scikit-learn"):
            from sklearn.preprocessing import OneHotEncoder

        encoder = OneHotEncoder(handle_unknown="ignore").fit(table.texts(name)[rows, None].astype(object))
        return cls(name, encoder.categories_[0].tolist())

    def encode(self, table: Table) -> np.ndarray:
        return table.texts(self.name)[:, None] == np.array(self.categories)


class Ordinal(ColumnEncoder):
    """An integer per category, from 1 in sorted order; 0 for a category that the training part did not hold.

    An `Embedding` turns these numbers into vectors: `input_dim` is the number of categories plus 1.

    Args:
        name: the column.
        categories: the values of the training part; `""` is the category of missing values.
    """

    categories: list[str]

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "Ordinal":
        """The encoder of a column as its `rows` suggest."""
        return cls(name, np.unique(table.texts(name)[rows].astype(str)).tolist())

    def encode(self, table: Table) -> np.ndarray:
        texts = table.texts(self.name).astype(str)
        places = np.minimum(np.searchsorted(self.categories, texts), len(self.categories) - 1)
        return np.where(np.array(self.categories)[places] == texts, places + 1, 0)[:, None]
