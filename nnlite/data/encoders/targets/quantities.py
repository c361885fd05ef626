"""One number per row, or several."""

from typing import Any, Literal

import numpy as np

from nnlite.arrays.rows import row_by_row
from nnlite.config import floatx
from nnlite.data.encoders.spreads import check_spread, standard_scale
from nnlite.data.encoders.targets.base import TargetEncoder, listed
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.metrics.scores import regression_scores

__all__ = ["Quantities"]

Transform = Literal["log", "log1p"]


class Quantities(TargetEncoder):
    """Numbers to be predicted, standardized: (f(value) - mean) / scale.

    Args:
        names: one name per column of the target.
        mean: mean of each column's f(value) in the training part; 0 leaves the column where it is.
        scale: standard deviation of each column's f(value) in the training part; 1 leaves the column unscaled.
        transform: f: `"log"`, for numbers above 0, `"log1p"`, the logarithm of 1 + value, for numbers above -1, or
            None for the value itself. A model that is right on average about f(value) predicts a median of a skewed
            value rather than its mean.
        amounts_in: the currency or unit around each column's amounts, such as `$`, None for bare numbers; None for all.

    >>> prices = Quantities.fit(["price"], np.array([[1.0], [100.0]]), np.arange(2), transform="log")
    >>> prices.encode(np.array([[10.0]])).round(6).tolist()
    [[0.0]]
    >>> prices.units(np.array([[0.0]])).round(6).tolist()
    [[10.0]]
    """

    names: list[str]
    mean: list[float]
    scale: list[float]
    transform: Transform | None = None
    amounts_in: list[str | None] | None = None

    def validate(self) -> None:
        for key, numbers in (("mean", self.mean), ("scale", self.scale)):
            if len(numbers) != len(self.names) or not np.isfinite(numbers).all():
                raise ConfigError(f"expected a finite number for each of {len(self.names)} names", ("Quantities", key))
        if any(scale <= 0 for scale in self.scale):
            raise ConfigError(f"must be > 0, got {min(self.scale):g}", ("Quantities", "scale"))
        if self.amounts_in is not None and len(self.amounts_in) != len(self.names):
            raise ConfigError(
                f"expected a unit or null for each of {len(self.names)} names", ("Quantities", "amounts_in")
            )

    @classmethod
    def fit(
        cls,
        names: list[str],
        target: np.ndarray,
        rows: np.ndarray,
        standardize: bool = True,
        transform: Transform | None = None,
        amounts_in: list[str | None] | None = None,
    ) -> "Quantities":
        """The encoder fitted to the `rows` of a target of shape (rows, columns).

        Raises:
            DataError: numbers that have no logarithm, or whose spread float64 cannot hold.
        """
        blank = cls(names, [0.0] * len(names), [1.0] * len(names), transform, amounts_in)
        transformed = blank._transformed(target)
        if not standardize:
            return blank
        means, scales = standard_scale(transformed[rows])
        for name, mean, scale in zip(names, means, scales, strict=True):
            check_spread(f"the target {name!r}", mean, scale)
        return cls(names, means.tolist(), scales.tolist(), transform, amounts_in)

    @property
    def columns(self) -> list[str]:
        return list(self.names)

    @property
    def output_units(self) -> int:
        return len(self.names)

    @property
    def changes_units(self) -> bool:
        """Whether the loss compares numbers in other units than those of the data."""
        return self.transform is not None or any(self.mean) or any(scale != 1 for scale in self.scale)

    def encode(self, target: np.ndarray) -> np.ndarray:
        return ((self._transformed(target) - self.mean) / self.scale).astype(floatx())

    def units(self, outputs: np.ndarray) -> np.ndarray:
        """Predictions in the unit of the data. Shape: (rows, columns) -> (rows, columns)."""
        values = outputs * np.array(self.scale, outputs.dtype) + np.array(self.mean, outputs.dtype)
        if self.transform is None:
            return values
        with np.errstate(over="ignore"):  # a prediction far out of range becomes infinite
            return np.exp(values) if self.transform == "log" else np.expm1(values)

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """The predictions in the units of the data."""
        return dict(zip(self.names, self.units(outputs).T, strict=True))

    def scores(self, target: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
        return regression_scores(target, row_by_row(self.units, outputs), weights, self.names)

    def baseline(
        self,
        learned: np.ndarray,
        target: np.ndarray,
        learned_weights: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> dict[str, float]:
        """The mean for RMSE and R2, the median for MAE: the best constant by each of them."""
        learned = learned.astype(np.float64)
        mean = np.broadcast_to(np.average(learned, axis=0, weights=learned_weights), target.shape)
        median = np.broadcast_to([_median(column, learned_weights) for column in learned.T], target.shape)
        scores = regression_scores(target, mean, weights, self.names)
        by_median = regression_scores(target, median, weights, self.names)
        return {name: (by_median if name.split("_")[-1] == "mae" else scores)[name] for name in scores}

    def _transformed(self, target: np.ndarray) -> np.ndarray:
        if self.transform is None:
            return target
        least = 0 if self.transform == "log" else -1
        bad = np.argwhere(target <= least)
        if len(bad):
            row, column = bad[0]
            low = target[:, column].min()
            remedy = "target_transform: log1p takes numbers above -1" if low > -1 else "leave target_transform out"
            raise DataError(
                f"the target {self.names[column]!r} has no logarithm: row {row} is {target[row, column]:g}; {remedy}"
            )
        return np.log(target) if self.transform == "log" else np.log1p(target)

    def check_outputs(self, output_shape: tuple) -> None:
        if tuple(output_shape[1:]) != (len(self.names),):
            raise ShapeError(
                f"the target has {len(self.names)} columns ({listed(self.names)}), so the model's outputs must have "
                f"shape (batch, {len(self.names)}); they have (batch, {', '.join(map(str, output_shape[1:]))})"
            )


def _median(values: np.ndarray, weights: np.ndarray | None) -> float:
    """The middle value; with weights the lowest one up to which half of the weight is."""
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])
