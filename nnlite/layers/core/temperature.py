"""Calibrated probabilities: a temperature for the logits, fitted on held-out data."""

from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, ArrayLike, BatchShape
from nnlite.errors import DataError
from nnlite.jacobians import Composed, Diagonal, Jacobians, SoftmaxJacobian
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Activated
from nnlite.ops.activations import Sigmoid, Softmax
from nnlite.ops.shaping import as_indices
from nnlite.registry.bounds import Fraction, Positive
from nnlite.registry.fields import option

__all__ = ["TemperatureScaling"]

LOWEST, HIGHEST = 0.25, 4.0  # between which `calibrate` looks for the temperature
PRIOR_ROWS = 3  # how many rows the prior counts as
GOLDEN = (5**0.5 - 1) / 2


class TemperatureScaling(Layer):
    """outputs = (1 - blur) * softmax(inputs / temperature) + blur / classes, over the last axis.

    A classifier that was trained to the end is often too sure of itself. Divided by a temperature above 1 its logits
    give softer probabilities, by one below 1 sharper ones; which class is the likeliest stays as it is.

    Shape: `(batch, ..., classes)`, unchanged.

    Args:
        temperature: > 0, what the logits are divided by.
        blur: the share of the uniform distribution that is mixed in, from 0 to 1.
        activation: `"sigmoid"` for logits of events that do not exclude one another, each against its opposite:
            `(1 - blur) * sigmoid(inputs / temperature) + blur / 2`.

    Reference: Guo et al. 2017, arXiv:1706.04599.

    >>> import numpy as np
    >>> layer = TemperatureScaling()
    >>> logits = np.log([[9, 1], [9, 1], [9, 1], [9, 1], [1, 9]] * 200)  # sure to 90 %
    >>> layer.calibrate(logits, [0, 0, 0, 1, 1] * 200)  # and right in 80 % of the rows
    >>> f"{layer.temperature:.2f}, {layer(logits).max(axis=-1).mean():.2f}"
    '1.57, 0.80'
    """

    temperature: Positive = 1.0
    blur: Fraction = 0.0
    activation: Literal["softmax", "sigmoid"] = option(default="softmax", kw_only=True)

    supports_masking = True

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Activated | None:
        if self.temperature != 1 or self.blur != 0:
            return None
        return Activated(self, Softmax() if self.activation == "softmax" else Sigmoid())

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        shares: Any = self._shares(inputs)
        p, outputs = shares
        slope = np.asarray((1 - self.blur) / self.temperature, p.real.dtype)
        if self.activation == "sigmoid":
            return outputs, Jacobians(Diagonal(slope * p * (1 - p), inputs.shape, inputs.shape))
        scaled = Diagonal(slope, inputs.shape, inputs.shape)
        return outputs, Jacobians(Composed(scaled, SoftmaxJacobian(p, -1)))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return self._shares(inputs)[1]

    def _shares(self, inputs: Array) -> tuple[np.ndarray, np.ndarray]:
        """The softmax, or the sigmoid, before and after the blur."""
        if self.activation == "sigmoid":
            p = Sigmoid().linearize(inputs / np.asarray(self.temperature, inputs.real.dtype))[0]
            return p, p * (1 - self.blur) + self.blur / 2 if self.blur else p
        shifted = inputs - np.maximum.reduce(inputs.real, axis=-1, keepdims=True)
        shifted /= self.temperature
        p = np.exp(shifted, out=shifted)
        p /= np.add.reduce(p, axis=-1, keepdims=True)
        return p, p * (1 - self.blur) + self.blur / p.shape[-1] if self.blur else p

    def calibrate(
        self,
        logits: ArrayLike,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None = None,
        low: float = LOWEST,
        high: float = HIGHEST,
    ) -> None:
        """Set temperature and blur from logits of rows that the network was not trained on, and their classes.

        The temperature T in [low, high] minimizes the mean log loss plus `3 / n * log(T) ** 2`: three rows' worth of
        belief that the network is right as it is. With few rows T stays near 1.

        The blur becomes `0.5 / (n + 1)`. That n rows held no surprise does not say that there is none: the chance that
        the next row is the first one is of that size (by Jeffreys' prior), so no probability falls below
        `0.5 / (n + 1) / classes`. No rare event is called impossible, and the log loss of a row stays finite.

        n is the number of rows, of the first axis, that have a weight above 0; the same rows seen by several members
        count once.

        Args:
            logits: `(rows, classes)`, or `(rows, members, classes)` for members that share one temperature; those of a
                sigmoid `(rows, ..., events)`.
            y_true: class numbers, of the shape of the logits without the last axis; for a sigmoid 0 and 1, of the shape
                of the logits.
            sample_weight: weights >= 0, of the shape of `y_true`, or one for each row.
            low, high: between which T lies, both > 0.

        Raises:
            DataError: shapes that do not fit, logits that are not finite, no such class, or weights that do not add
                up to more than 0.
        """
        gaps, weights, rows = self._evidence(logits, y_true, sample_weight)
        prior = PRIOR_ROWS / rows

        def loss(log_temperature: float) -> float:
            scaled = gaps * np.exp(-log_temperature)
            top = scaled.max(axis=-1)
            losses = np.log(np.exp(scaled - top[:, None]).sum(axis=-1)) + top
            return float(losses @ weights + prior * log_temperature**2)

        self.temperature = float(np.exp(_lowest(loss, float(np.log(low)), float(np.log(high)))))
        self.blur = 0.5 / (rows + 1)

    def _evidence(self, logits: Any, y_true: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray, int]:
        """Logits less that of the true class, `(entries, classes)`, their weights, of sum 1, and the number of rows."""
        logits, y_true = np.asarray(logits, np.float64), np.asarray(y_true)
        if self.activation == "sigmoid":  # the event against its opposite, whose logit is 0
            logits = np.stack([np.zeros(logits.shape), logits], axis=-1)
        if logits.ndim < 2 or y_true.shape != logits.shape[:-1]:
            raise DataError(
                f"{self.label}: calibrate needs logits (rows, ..., classes) and class numbers of the shape "
                f"{logits.shape[:-1]}, got {y_true.shape}"
            )
        if not np.isfinite(logits).all():
            raise DataError(f"{self.label}: calibrate needs finite logits")
        weights = np.ones(len(y_true)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        if weights.shape not in (y_true.shape, y_true.shape[:1]) or not (np.isfinite(weights) & (weights >= 0)).all():
            raise DataError(
                f"{self.label}: calibrate needs weights >= 0 of the shape {y_true.shape} or {y_true.shape[:1]}, got "
                f"an array of shape {weights.shape}"
            )
        weights = np.broadcast_to(weights.reshape(weights.shape + (1,) * (y_true.ndim - weights.ndim)), y_true.shape)
        if not weights.sum() > 0:
            raise DataError(f"{self.label}: calibrate needs at least one row of a weight above 0")
        classes = as_indices(y_true, logits.shape[-1], f"{self.label}: calibrate")
        gaps = logits - np.take_along_axis(logits, classes[..., None], axis=-1)
        rows = int((weights.reshape(len(weights), -1) > 0).any(axis=1).sum())
        return gaps.reshape(-1, gaps.shape[-1]), weights.ravel() / weights.sum(), rows


def _lowest(function: Any, low: float, high: float) -> float:
    """Minimizer of `function` in [low, high], to 1e-5: the best of nine places, then golden sections around it."""
    places = np.linspace(low, high, 9)
    best = int(np.argmin([function(float(point)) for point in places]))
    low, high = float(places[max(best - 1, 0)]), float(places[min(best + 1, 8)])
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    values = [function(point) for point in inner]
    while high - low > 1e-5:
        if values[0] < values[1]:
            high, inner[1], values[1] = inner[1], inner[0], values[0]
            inner[0] = high - GOLDEN * (high - low)
            values[0] = function(inner[0])
        else:
            low, inner[0], values[0] = inner[0], inner[1], values[1]
            inner[1] = low + GOLDEN * (high - low)
            values[1] = function(inner[1])
    return min((low, (low + high) / 2, high), key=function)  # the bounds themselves, where the loss falls up to them
