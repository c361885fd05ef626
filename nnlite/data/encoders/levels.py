"""Encoders of categories as numbers: their rank, or the mean of the target in each."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.data.encoders.columns import ColumnSource, Levels
from nnlite.errors import ConfigError, needed_for
from nnlite.registry.bounds import Positive

__all__ = ["Ranks", "TargetMeans"]

FOLDS = 5


class Ranks(Levels):
    """An ordered category as its rank: (rank - mean) / scale, where the first of `categories` has rank 0.

    A gap, or a value that the training part did not hold, counts as rank `unknown`.

    Args:
        name: the column.
        categories: the values, in their order.
        unknown: the rank of what is missing or new.
        mean, scale: mean and standard deviation of the ranks in the training part.

    >>> from nnlite.data import read_frame
    >>> encoder = Ranks("size", ["small", "medium", "large"], unknown=1.0)
    >>> encoder.encode(read_frame({"size": ["large", None, "small"]})).tolist()
    [[2.0], [1.0], [0.0]]
    """

    unknown: float
    mean: float = 0.0
    scale: Positive = 1.0

    @property
    def amounts(self) -> list[str]:
        return self.outputs

    def encode(self, source: ColumnSource) -> np.ndarray:
        codes = self.codes(source)
        return ((np.where(codes == 0, self.unknown, codes - 1.0) - self.mean) / self.scale)[:, None]


class TargetMeans(Levels):
    """A category as the mean of the target within it, shrunk towards the overall mean: (value - mean) / scale.

    One column; for three classes or more one for each, of the share of the class. A value that the training part did
    not hold counts as the mean of all. In training, a row is encoded by means that leave out its own fold: else a
    network would read the target off rare categories. Both by scikit-learn's `TargetEncoder`.

    Args:
        name: the column.
        categories: the values of the training part.
        means: for each output, the mean of each category.
        overall: for each output, the mean of all rows.
        mean, scale: for each output, mean and standard deviation of the encoded training part.
        classes: the classes that the outputs stand for; empty where there is one output.

    Reference: Micci-Barreca 2001, "A preprocessing scheme for high-cardinality categorical attributes".

    >>> from nnlite.data import read_frame
    >>> encoder = TargetMeans("zip", ["3012", "8001"], [[0.2, 0.6]], overall=[0.4], mean=[0], scale=[1], classes=[])
    >>> encoder.encode(read_frame({"zip": ["8001", "3012", "9000"]})).tolist()
    [[0.6], [0.2], [0.4]]
    """

    means: list[list[float]]
    overall: list[float]
    mean: list[float]
    scale: list[Positive]
    classes: list[str]

    def validate(self) -> None:
        super().validate()
        if any(len(means) != len(self.categories) for means in self.means):
            raise ConfigError("expected one mean per category", (type(self).__name__, "means"))
        for key in ("means", "overall", "mean", "scale"):
            if len(vars(self)[key]) != len(self.outputs):
                raise ConfigError(f"expected {len(self.outputs)}, one for each output", (type(self).__name__, key))

    @classmethod
    def fit(cls, name: str, cells: Sequence[str], target: np.ndarray, fill: str | None) -> "TargetMeans":
        """The encoder fitted to cells of the training part and its target: labels, or numbers of shape (rows, 1)."""
        encoder = _encoder(target)
        crossed = _fitted(encoder, cells, target)
        spread = crossed.std(axis=0)
        classes = encoder.classes_ if encoder.target_type_ == "multiclass" else ()
        return cls(
            name,
            [str(category) for category in encoder.categories_[0]],
            [means.tolist() for means in encoder.encodings_],
            np.atleast_1d(encoder.target_mean_).tolist(),
            crossed.mean(axis=0).tolist(),
            np.where(spread > 0, spread, 1.0).tolist(),
            [str(label) for label in classes],
            fill=fill,
        )

    @property
    def outputs(self) -> list[str]:
        kind = [f"{self.name}~{label}" for label in self.classes]
        return kind or [f"{self.name}~mean"]

    @property
    def amounts(self) -> list[str]:
        return self.outputs

    def encode(self, source: ColumnSource) -> np.ndarray:
        table = np.column_stack([self.overall, np.array(self.means).reshape(len(self.overall), -1)])
        return (table[:, self.codes(source)].T - self.mean) / self.scale

    def cross_fitted(self, source: ColumnSource, rows: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The training `rows`, each encoded by means that leave out its fold. Shape: (rows, outputs)."""
        cells = self.cells(source)[rows]
        return (_fitted(_encoder(target[rows]), cells.tolist(), target[rows]) - self.mean) / self.scale

    def cells(self, source: ColumnSource) -> np.ndarray:
        """The column as strings, missing values filled."""
        return filled_cells(source, self.name, self.fill)


def filled_cells(source: ColumnSource, name: str, fill: str | None) -> np.ndarray:
    """The column `name` as text, a gap as `fill`, or `""` where that is None. Shape: (rows,), objects."""
    values = source.column(name, "category").values
    gaps = np.fromiter((not cell for cell in values), bool, len(values))
    return np.where(gaps, fill or "", values)


def _encoder(target: np.ndarray) -> Any:
    with needed_for("columns encoded by the target are fitted by scikit-learn", "scikit-learn"):
        from sklearn.preprocessing import TargetEncoder

    labels = len(np.unique(target))
    kind = "continuous" if target.ndim == 2 else "binary" if labels == 2 else "multiclass"
    make: Any = TargetEncoder
    return make(target_type=kind, cv=min(FOLDS, len(target)), random_state=0)


def _fitted(encoder: Any, cells: Sequence[str], target: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        # Its own folds by a seed are to be given in another way from scikit-learn 1.11 on, which 1.6 does not know.
        warnings.simplefilter("ignore", FutureWarning)
        return np.asarray(encoder.fit_transform(np.array(cells, object)[:, None], target.ravel()))
