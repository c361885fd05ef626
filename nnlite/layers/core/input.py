"""Layers that hold a place: the input of a model, the identity, and a change of dtype."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

import numpy as np

from nnlite.config import FloatType
from nnlite.jacobians import Identity as IdentityJacobian, Jacobians, Recast
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Unchanged
from nnlite.layers.base.symbolic import Symbol
from nnlite.registry.field_types import Count
from nnlite.registry.fields import Converted

__all__ = ["Cast", "Identity", "Input"]


class Input(Layer):
    """States the shape of one example, so that a model is built at once; layers called on it draw a graph.

    Args:
        shape: without the batch axis, for example `(28, 28)`; None for a length that varies.
        dtype: `"string"` and integers say what the data are; what a layer makes of them is its own matter.
    """

    shape: Converted[Sequence[int | None], tuple[Count | None, ...]]
    dtype: FloatType | Literal["int32", "int64", "string"] | None = field(default=None, kw_only=True)

    supports_masking = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._symbol = Symbol(self, (), (None, *self.shape))

    @property
    def input_kind(self) -> str:
        """What `dtype` says."""
        kinds: dict[Any, Any] = {"string": "strings", "int32": "indices", "int64": "indices"}
        return kinds.get(self.dtype, "numbers")

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return inputs, Jacobians(IdentityJacobian(inputs.shape))


class Identity(Layer):
    """outputs = inputs."""

    supports_masking = True
    _fixes = "nothing"
    _keeps_values = True

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return inputs, Jacobians(IdentityJacobian(inputs.shape))


class Cast(Layer):
    """outputs = inputs in this layer's dtype; a model puts it between layers of different dtypes."""

    supports_masking = True
    _fixes = "nothing"
    _keeps_values = True

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs = inputs if inputs.dtype.kind == "c" else inputs.astype(self.dtype)
        whole = inputs.dtype.kind in "biu"  # indices have no derivative
        return outputs, Jacobians(None if whole else Recast(inputs.shape, inputs.dtype, outputs.dtype))
