"""Encoders of one column: numbers, missing values, two values, and categories as one-hot columns or integers."""

import functools
from typing import Any, Literal

import numpy as np

from nnlite.data.encoders.spreads import check_spread, standard_scale
from nnlite.data.encoders.unknown import report_unknown
from nnlite.data.files.numerals import PLAIN
from nnlite.data.frames.frame import Column, ColumnSource, Kind
from nnlite.data.frames.spelling import read_truths
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError
from nnlite.registry import Configurable
from nnlite.registry.bounds import Positive
from nnlite.registry.fields import option

__all__ = ["Boolean", "ColumnEncoder", "ColumnSource", "GapIndicator", "Numeric", "OneHot", "Ordinal", "TwoValued"]


class ColumnEncoder(Configurable, family="column encoder"):
    """Turns one column of a table into one or more columns of numbers."""

    name: str

    @property
    def reads(self) -> Kind:
        """The kind of cells that it reads."""
        return "number"

    def read(self, source: ColumnSource) -> Column:
        """The column in the form that the encoder takes; an error of the source if it holds anything else."""
        return source.column(self.name, self.reads).in_unit(self.unit_learned)

    @property
    def unit_learned(self) -> str | None:
        """The currency or unit of the amounts that it was fitted to, if any."""

    @property
    def outputs(self) -> list[str]:
        """The names of the encoded columns."""
        return [self.name]

    @property
    def amounts(self) -> list[str]:
        """The outputs that are amounts, which a model may scale; not indicators or codes."""
        return []

    def encode(self, source: ColumnSource) -> np.ndarray:
        """The encoded column. Shape: (rows, encoded columns)."""
        raise NotImplementedError


class Numeric(ColumnEncoder):
    """A column of numbers: (value - mean) / scale, with missing values filled by the median.

    Args:
        name: the column.
        fill: median of the training part.
        mean, scale: mean and standard deviation after filling (1 if constant); 0 and 1 leave scaling to the model.
        amounts_in: the currency or unit around the amounts, such as `$`; others are refused, bare numbers taken.

    >>> from nnlite.data import read_frame
    >>> Numeric("age", fill=35.0, mean=35.0, scale=5.0).encode(read_frame({"age": [30.0, None, 45.0]})).tolist()
    [[-1.0], [0.0], [2.0]]
    """

    fill: float
    mean: float
    scale: Positive
    amounts_in: str | None = None

    def validate(self) -> None:
        for key in ("fill", "mean", "scale"):
            if not np.isfinite(getattr(self, key)):
                raise ConfigError("must be finite", (type(self).__name__, key))

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "Numeric":
        """The standardizing encoder fitted to the `rows` of a column; `DataError` if they hold no value at all."""
        column = table.column(name, "number").taken(rows)
        if column.missing.all():
            raise DataError(f"{table.path}: column {name!r} has no value in the training part; add it to `drop`")
        filling = cls.filling(column)
        (mean,), (scale,) = standard_scale(filling.encode_column(column))
        check_spread(f"column {name!r}", mean, scale)
        return cls(name, filling.fill, float(mean), float(scale))

    @classmethod
    def filling(cls, column: Column) -> "Numeric":
        """The encoder that fills missing values with the median and leaves scaling to the model."""
        return cls(column.name, float(np.median(column.values[~column.missing])), 0.0, 1.0)

    @property
    def unit_learned(self) -> str | None:
        return self.amounts_in

    @property
    def amounts(self) -> list[str]:
        return self.outputs

    def encode(self, source: ColumnSource) -> np.ndarray:
        return self.encode_column(self.read(source))

    def encode_column(self, column: Column) -> np.ndarray:
        """Shape: (rows, 1)."""
        values = column.values[:, None]
        return (np.where(np.isnan(values), self.fill, values) - self.mean) / self.scale


class GapIndicator(ColumnEncoder):
    """1 where a column has a missing value, else 0.

    Args:
        name: the column.
        kind: what its other cells are: `"number"`, `"date"`, or `"any"` for all that need not be checked.

    >>> from nnlite.data import read_frame
    >>> GapIndicator("age").encode(read_frame({"age": [31.0, None, 40.0]})).tolist()
    [[False], [True], [False]]
    """

    kind: Literal["number", "date", "any"] = "number"

    @property
    def reads(self) -> Kind:
        return "category" if self.kind == "any" else self.kind

    def read(self, source: ColumnSource) -> Column:
        return source.given(self.name) if self.kind == "any" else super().read(source)

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}_missing"]

    def encode(self, source: ColumnSource) -> np.ndarray:
        return self.read(source).missing[:, None]


class Boolean(ColumnEncoder):
    """True as 1, False as -1, a missing value as 0.

    Args:
        name: the column.
        words: whether texts such as yes and no, true and false, or 1 and 0 are read as well, in any case.

    >>> from nnlite.data import read_frame
    >>> Boolean("ok").encode(read_frame({"ok": [True, False, True]})).tolist()
    [[1.0], [-1.0], [1.0]]
    """

    words: bool = False

    @property
    def reads(self) -> Kind:
        return "boolean"

    def read(self, source: ColumnSource) -> Column:
        if not self.words:
            return super().read(source)
        column = source.given(self.name)
        if column.kind != "category":
            return column.as_kind("boolean")
        return Column(self.name, "boolean", read_truths(self.name, column.values.tolist()))

    def encode(self, source: ColumnSource) -> np.ndarray:
        values = self.read(source).values[:, None]
        return np.where(values == 1, 1.0, np.where(values == 0, -1.0, 0.0))


class Levels(ColumnEncoder, abstract=True):
    """Base of the encoders of categories.

    Args:
        categories: the values of the training part; a value that is not among them, or a gap, is unknown.
        fill: the value that a gap counts as; None if it is `""`, or unknown.
    """

    categories: list[str]
    fill: str | None = option(default=None, kw_only=True)

    @property
    def reads(self) -> Kind:
        return "category"

    def validate(self) -> None:
        if len(set(self.categories)) < len(self.categories):
            raise ConfigError("a category occurs twice", (type(self).__name__, "categories"))

    @functools.cached_property
    def _codes(self) -> dict[str, int]:
        return {category: code for code, category in enumerate(self.categories, start=1)}

    @functools.cached_property
    def _codes_of_numbers(self) -> dict[str, int]:
        """The codes of the categories that spell numbers, by the number's one text: `"1"` for `"1.0"`."""
        code_by_number: dict[str, int] = {}
        for category, code in self._codes.items():
            if PLAIN.matches(category):
                code_by_number.setdefault(PLAIN.canonical(category), code)
        return code_by_number

    def codes(self, source: ColumnSource) -> np.ndarray:
        """The number of each row's category, from 1 in their order; 0 for an unknown one. Shape: (rows,).

        Where categories may come from numbers, one that is not spelled like any known one is looked up by its value.
        """
        column = self.read(source)
        code_by_cell: dict[Any, int] = {}
        for cell in set(column.values):
            code = self._codes.get(cell, 0)
            if not code and cell is not None and column.from_numbers:
                code = self._codes_of_numbers.get(PLAIN.canonical(cell), 0)
            code_by_cell[cell] = code if cell or self.fill is None else self._codes.get(self.fill, 0)
        codes = np.fromiter(map(code_by_cell.__getitem__, column.values), np.int64, len(column.values))
        report_unknown(self, column, codes)
        return codes


class TwoValued(Levels):
    """A category of two values: the second one as 1, the first one as -1, a missing or unknown value as 0.

    Args:
        name: the column.
        categories: the two values.

    >>> from nnlite.data import read_frame
    >>> TwoValued("sex", ["f", "m"]).encode(read_frame({"sex": ["m", "f", "m"]})).tolist()
    [[1.0], [-1.0], [1.0]]
    """

    def validate(self) -> None:
        super().validate()
        if len(self.categories) != 2:
            raise ConfigError(f"expected two, got {len(self.categories)}", (type(self).__name__, "categories"))

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}={self.categories[1]}"]

    def encode(self, source: ColumnSource) -> np.ndarray:
        return np.array([0.0, -1.0, 1.0])[self.codes(source)][:, None]


class OneHot(Levels):
    """One column of 0 and `value` per category; all 0 for a category not in the training part.

    Args:
        name: the column.
        categories: the values of the training part; `""` is the category of missing values of a CSV file.
        value: what stands for the category that a row has.

    >>> from nnlite.data import read_frame
    >>> OneHot("city", ["Bern", "Oslo"]).encode(read_frame({"city": ["Oslo", "Rome", "Bern"]})).tolist()
    [[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]
    """

    value: float = 1.0

    def validate(self) -> None:
        super().validate()
        if not np.isfinite(self.value):
            raise ConfigError("must be finite", (type(self).__name__, "value"))

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "OneHot":
        """The encoder fitted to the `rows` of a column."""
        return cls(name, sorted(set(table.column(name, "category").values[rows])))

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}={category}" for category in self.categories]

    def encode(self, source: ColumnSource) -> np.ndarray:
        matches = self.codes(source)[:, None] == np.arange(1, len(self.categories) + 1)
        return np.where(matches, self.value, 0.0)


class Ordinal(Levels):
    """An integer per category, from 1 in sorted order; 0 for a category not in the training part.

    An `Embedding` turns these numbers into vectors: `input_dim` is the number of categories plus 1.

    Args:
        name: the column.
        categories: the values of the training part; `""` is the category of missing values of a CSV file.

    >>> from nnlite.data import read_frame
    >>> Ordinal("city", ["Bern", "Oslo"]).encode(read_frame({"city": ["Oslo", "Rome", "Bern"]})).tolist()
    [[2], [0], [1]]
    """

    @classmethod
    def fit(cls, name: str, table: Table, rows: np.ndarray) -> "Ordinal":
        """The encoder fitted to the `rows` of a column."""
        return cls(name, sorted(set(table.column(name, "category").values[rows])))

    def encode(self, source: ColumnSource) -> np.ndarray:
        return self.codes(source)[:, None]
