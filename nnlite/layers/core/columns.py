"""Columns of a table."""

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.jacobians import GatherRows, Jacobians
from nnlite.layers.base.columns import check_columns
from nnlite.layers.base.layer import Layer
from nnlite.registry.bounds import Index

__all__ = ["Columns"]


class Columns(Layer):
    """outputs = inputs[..., places]: some columns, in this order.

    Shape: `(batch, ..., features) -> (batch, ..., len(places))`.

    Args:
        places: numbers of columns, from 0.

    Raises:
        ConfigError: a column that the inputs do not have.

    >>> import numpy as np
    >>> Columns([2, 0])(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).tolist()
    [[3.0, 1.0], [6.0, 4.0]]
    """

    places: list[Index]

    def build(self, input_shape: tuple) -> None:
        check_columns(self, self.places, input_shape, distinct=False)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return (*input_shape[:-1], len(self.places))

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        places = np.array(self.places)
        outputs = np.take(inputs, places, axis=-1)
        return outputs, Jacobians(GatherRows(places, -1, inputs.shape, outputs.shape))
