"""The quantile (pinball) loss."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.losses.elementwise import Elementwise

__all__ = ["Quantile"]


class Quantile(Elementwise, aliases=("pinball",)):
    """mean(max(q * error, (q - 1) * error)), error = y_true - y_pred; also called the pinball loss.

    Shape: y_pred `(batch, ..., targets * quantiles)`, all quantiles of one target side by side; y_true
    `(batch, ..., targets)`, or `(batch,)` for one target.

    Args:
        quantiles: a number in (0, 1), or a list of such, each with an output of its own.

    Reference: Koenker & Bassett 1978, "Regression quantiles".

    >>> loss = Quantile([0.1, 0.5, 0.9])
    >>> loss.forward([1.0], [[0.0, 1.0, 3.0]]).__round__(4), (3 * loss.backward()).round(4).tolist()
    (0.1, [[-0.1, 0.0, 0.1]])
    """

    quantiles: float | list[float] = 0.5

    def validate(self) -> None:
        super().validate()
        levels = np.atleast_1d(self.quantiles)
        if not levels.size or not ((levels > 0) & (levels < 1)).all():
            raise ConfigError(f"needs numbers between 0 and 1, got {self.quantiles}", ("Quantile", "quantiles"))

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        levels = np.atleast_1d(np.asarray(self.quantiles, y_pred.real.dtype))
        error: Array = y_pred - y_true
        q = np.tile(levels, error.shape[-1] // levels.size)
        slopes = np.where(error.real > 0, 1 - q, -q)
        slopes[error.real == 0] = 0
        return error * slopes, slopes

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return np.zeros((), y_pred.dtype)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        units, count = output_shape[-1], np.size(self.quantiles)
        if units is None or units % count:
            raise ShapeError(f"Quantile needs {count} outputs for each target, one for each quantile, got {units}")
        fitted = super().read_targets(targets, (*output_shape[:-1], units // count), dtype)
        return np.repeat(fitted, count, axis=-1) if count > 1 else fitted
