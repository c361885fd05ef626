"""Layers that move elements without changing them."""

import math

from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Jacobians, Rearrange
from nnlite.layers.base import Layer

__all__ = ["Flatten", "Reshape"]


def check_known(layer, input_shape) -> None:
    """`ShapeError` when a length after the batch is unknown."""
    if None in input_shape[1:]:
        raise ShapeError(f"{layer.label} needs a known shape after the batch, got {input_shape}")


class Flatten(Layer):
    """All axes after the batch in one. Shape: `(batch, ...) -> (batch, features)`."""

    def build(self, input_shape):
        check_known(self, input_shape)

    def linearize(self, inputs):
        outputs = inputs.reshape(len(inputs), -1)
        return outputs, Jacobians(Rearrange(inputs.shape, outputs.shape))


class Reshape(Layer):
    """Each example in another shape; one entry of `target_shape` may be -1.

    Shape: `(batch, ...) -> (batch, *target_shape)`.
    """

    target_shape: tuple[int, ...]

    def build(self, input_shape):
        check_known(self, input_shape)
        size, wanted = math.prod(input_shape[1:]), math.prod(map(abs, self.target_shape))
        free = self.target_shape.count(-1)
        if free > 1 or 0 in self.target_shape or min(self.target_shape, default=1) < -1:
            raise ConfigError(f"{self.label}: target_shape may hold positive numbers and one -1: {self.target_shape}")
        if size % wanted or (not free and size != wanted):
            raise ShapeError(f"{self.label} cannot bring {input_shape[1:]} into the shape {self.target_shape}")

    def linearize(self, inputs):
        outputs = inputs.reshape(len(inputs), *self.target_shape)
        return outputs, Jacobians(Rearrange(inputs.shape, outputs.shape))
