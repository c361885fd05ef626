"""Columns of a table."""

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError
from nnlite.jacobians import GatherRows, Jacobians
from nnlite.layers.base.layer import Layer
from nnlite.registry.field_types import Index

__all__ = ["Columns"]


class Columns(Layer):
    """outputs = inputs[..., places]: some columns, in this order.

    Shape: `(batch, ..., features) -> (batch, ..., len(places))`.

    Args:
        places: numbers of columns, from 0.

    Raises:
        ConfigError: a column that the inputs do not have.
    """

    places: list[Index]

    def build(self, input_shape: tuple) -> None:
        beyond = [place for place in self.places if place >= input_shape[-1]]
        if beyond or not self.places:
            raise ConfigError(f"{self.label} needs columns from 0 to {input_shape[-1] - 1}, got {self.places}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return (*input_shape[:-1], len(self.places))

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        places = np.array(self.places)
        outputs = np.take(inputs, places, axis=-1)
        return outputs, Jacobians(GatherRows(places, -1, inputs.shape, outputs.shape))
