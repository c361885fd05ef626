"""Calibration of probabilities by nondecreasing functions fitted to observed frequencies."""

from typing import Any

import numpy as np

from nnlite import ops
from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers.base.layer import Layer
from nnlite.registry.bounds import Fraction

__all__ = ["IsotonicCalibration"]


class IsotonicCalibration(Layer):
    """outputs = (1 - blur) * q / sum(q) + blur / classes, q_k = f_k(inputs_k) with nondecreasing functions f_k.

    f_k is linear between its thresholds, and constant outside of them. Isotonic regression finds it from rows that
    the network was not trained on: of all functions that do not fall, the one nearest to what happened. It needs more
    rows than a temperature, some thousands, and corrects what no temperature can.

    Where all q are 0, the shares are equal. Events that do not exclude one another are left as they are,
    `(1 - blur) * q + blur / 2`.

    Shape: `(batch, classes)`, unchanged.

    Args:
        thresholds: for each class, rising numbers from 0 to 1.
        probabilities: for each class, what takes the place of these, never falling, from 0 to 1.
        blur: the share of the uniform distribution that is mixed in, from 0 to 1.
        exclusive: whether the inputs are the probabilities of classes that exclude one another.

    Raises:
        ConfigError: thresholds that do not rise, probabilities that fall, or not as many of both.
        ShapeError: another number of inputs than of functions.

    Reference: Zadrozny & Elkan 2002, "Transforming classifier scores into accurate multiclass probability estimates".

    >>> import numpy as np
    >>> layer = IsotonicCalibration([[0.2, 0.6], [0.4, 0.8]], [[0.0, 0.5], [0.5, 1.0]])
    >>> layer(np.array([[0.4, 0.6], [0.1, 0.9]])).tolist()
    [[0.25, 0.75], [0.0, 1.0]]
    """

    thresholds: list[list[Fraction]]
    probabilities: list[list[Fraction]]
    blur: Fraction = 0.0
    exclusive: bool = True

    def validate(self) -> None:
        if not self.thresholds or len(self.thresholds) != len(self.probabilities):
            counts = f"{len(self.thresholds)} lists of thresholds, {len(self.probabilities)} of probabilities"
            raise ConfigError(counts, ("probabilities",))
        for thresholds, values in zip(self.thresholds, self.probabilities, strict=True):
            if not thresholds or len(thresholds) != len(values):
                raise ConfigError("expected as many probabilities as thresholds, one or more", ("probabilities",))
            if (np.diff(thresholds) <= 0).any() or (np.diff(values) < 0).any():
                raise ConfigError("thresholds must rise, and probabilities must not fall", ("thresholds",))

    def build(self, input_shape: BatchShape) -> None:
        if len(input_shape) != 2 or input_shape[-1] != len(self.thresholds):
            raise ShapeError(f"{self.label} has {len(self.thresholds)} functions, the inputs are {input_shape}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def pieces(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Starts of the linear pieces of each function, inverse widths, rises, and first values.

        Shape: three of `(classes, pieces)`, where functions of fewer pieces have some that do not rise, and
        `(classes,)`.
        """
        count = max(max(map(len, self.thresholds)) - 1, 1)
        low, steepness, rise = (np.zeros((len(self.thresholds), count)) for _ in range(3))
        for row, (thresholds, values) in enumerate(zip(self.thresholds, self.probabilities, strict=True)):
            known = len(thresholds) - 1
            low[row, :known], rise[row, :known] = thresholds[:-1], np.diff(values)
            steepness[row, :known] = 1 / np.diff(thresholds)
        return low, steepness, rise, np.array([values[0] for values in self.probabilities])

    def call(self, inputs: Any) -> Any:
        """The value of each input's function, normalized to sum 1 for mutually exclusive classes."""
        low, steepness, rise, start = (part.astype(self.dtype) for part in self.pieces())
        shares = (ops.clip((inputs[..., None] - low) * steepness, 0, 1) * rise).sum(axis=-1) + start
        if not self.exclusive:
            return shares * (1 - self.blur) + self.blur / 2
        shares = ops.where(shares.sum(axis=-1, keepdims=True) > 0, shares, 1)
        return shares / shares.sum(axis=-1, keepdims=True) * (1 - self.blur) + self.blur / len(low)
