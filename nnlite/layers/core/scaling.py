"""Elementwise layers: a learned factor, and bounds."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError
from nnlite.initializers import Initializer
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.members import for_members, member_shape
from nnlite.layers.base.simplified import Affine, DenseScale
from nnlite.registry.bounds import Count
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["Clip", "Scale"]


class Scale(Layer):
    """outputs = inputs * scale, with a learned factor for each feature.

    In front of a network, with a learning rate of its own, it chooses features: those that help grow, the others
    shrink.

    Shape: `(batch, ..., features)`, unchanged; scale `(features,)`. With `members`, for an ensemble of networks that is
    trained at once: `(batch, members, features)`, and scale `(members, features)`.

    Args:
        members: number of networks, each with factors of its own; None for one network.
        scale_initializer: ones by default.
        scale_regularizer: penalty added to the loss.
        positive: whether inputs are multiplied by the magnitudes of the factors, so that no output falls as its input
            rises; in front of a `MonotonicDense`, which keeps such directions.

    Reference: Holzmüller et al. 2024, arXiv:2407.04491.

    >>> import numpy as np
    >>> layer = Scale(scale_initializer={"constant": {"value": 3.0}})
    >>> layer(np.array([[1.0, -2.0]])).tolist()
    [[3.0, -6.0]]
    """

    members: Count | None = None
    scale_initializer: FromSpec[Initializer] = option(default="ones")
    scale_regularizer: FromSpec[Regularizer | None] = option(default=None)
    positive: bool = option(default=False, kw_only=True)

    supports_masking = True

    def build(self, input_shape: BatchShape) -> None:
        shape = (*member_shape(self, self.members, input_shape), input_shape[-1])
        initializer = for_members(self.members, self.scale_initializer)
        self.scale = self.add_weight(shape, initializer, regularizer=self.scale_regularizer, name="scale")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Affine | None:
        scale = self._used(self.scale.value)
        return Affine(scale.astype(np.float64), np.zeros(scale.shape))

    def _dense_part(self) -> DenseScale | None:
        if self.positive or len(self.input_shape) != (2 if self.members is None else 3):
            return None
        return DenseScale(self.input_shape[-1], self.members)

    def linearize(self, inputs: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        used = self._used(scale)
        slopes = inputs if used is scale else inputs * _signs(scale)
        by_inputs = Diagonal(used, inputs.shape, inputs.shape)
        return inputs * used, Jacobians(by_inputs, Diagonal(slopes, scale.shape, inputs.shape))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        return inputs * self._used(self.scale.value)

    def _used(self, scale: np.ndarray) -> np.ndarray:
        """The factor of the inputs, made of the parameter `scale`."""
        return scale * _signs(scale) if self.positive else scale


def _signs(scale: Array) -> np.ndarray:
    """1 or -1, by which a number becomes its magnitude."""
    return np.where(scale.real < 0, -1, 1).astype(scale.real.dtype)


class Clip(Layer):
    """outputs = inputs clipped to [low, high]. Slope 1 inside and at the bounds, 0 outside.

    Behind a regressor it keeps predictions within the range of the targets that it has seen.

    Shape: `(batch, ...)`, unchanged.

    Args:
        low, high: a number for all, or one for each feature of the last axis.

    Raises:
        ConfigError: low > high, or not as many numbers as there are features.

    >>> import numpy as np
    >>> Clip(0, [1, 5])(np.array([[-2.0, 3.0], [2.0, 7.0]])).tolist()
    [[0.0, 3.0], [1.0, 5.0]]
    """

    low: float | list[float]
    high: float | list[float]

    supports_masking = True

    def validate(self) -> None:
        lengths = {len(bound) for bound in (self.low, self.high) if isinstance(bound, list)}
        if len(lengths) > 1 or 0 in lengths or np.any(np.asarray(self.low) > np.asarray(self.high)):
            raise ConfigError(
                f"Clip takes low <= high, each a number or one per feature, got {self.low} and {self.high}"
            )

    def build(self, input_shape: BatchShape) -> None:
        for bound in (self.low, self.high):
            if isinstance(bound, list) and len(bound) != input_shape[-1]:
                raise ConfigError(f"{self.label} has {len(bound)} bounds for {input_shape[-1]} features")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        real: Any = inputs.real
        low, high = (np.asarray(bound, real.dtype) for bound in (self.low, self.high))
        outputs = np.minimum(np.maximum(real, low), high)
        inside = outputs == real
        if inputs.dtype.kind == "c":
            outputs = outputs + 1j * (inputs.imag * inside)
        return outputs, Jacobians(Diagonal(inside, inputs.shape, inputs.shape))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`."""
        low, high = (np.asarray(bound, inputs.dtype) for bound in (self.low, self.high))
        return np.minimum(np.maximum(inputs, low), high)
