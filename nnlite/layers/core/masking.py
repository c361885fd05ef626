"""Masking: marks the steps of a sequence that count."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ShapeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import symbols_of

__all__ = ["Masking"]


class Masking(Layer):
    """Masks the steps whose features all equal `mask_value`; they are passed on as zeros.

    Layers that use masks skip these steps, and the loss excludes them.

    Shape: `(batch, steps, features)`, unchanged; `(batch, features)` and further axes between are possible too, where a
    mask has all axes but the last.

    Args:
        mask_value: what fills steps that do not count.

    Raises:
        ShapeError: inputs without features.

    >>> import numpy as np
    >>> x = np.array([[[1.0], [2.0], [0.0]], [[3.0], [0.0], [0.0]]])
    >>> Masking(mask_value=0.0).compute_mask(x).tolist()
    [[True, True, False], [True, False, False]]
    """

    mask_value: float = 0.0

    _kept_kinds = "biu"
    supports_masking, _sets_mask = True, True
    _needs_no_building = True
    _fixes = "nothing"

    def build(self, input_shape: BatchShape) -> None:
        if len(input_shape) < 2:
            raise ShapeError(f"{self.label} needs inputs of shape (batch, ..., features), got {input_shape}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        differs = symbols_of(inputs) != self.mask_value
        return differs.draw("any", (differs,), {"axis": -1})

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        mask = (inputs.real != self.mask_value).any(axis=-1)
        counted = mask[..., None].astype(inputs.real.dtype)
        return inputs * counted, Jacobians(Diagonal(counted, inputs.shape, inputs.shape), mask=mask)
