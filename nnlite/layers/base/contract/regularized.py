"""Layers with a penalty on their activities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.jacobians import Bundle, Composed, GraphJacobians, Jacobians, Node, Penalized

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


class Regularized:
    """`linearize` of a layer with an `activity_regularizer`, which stands in the place of the method of its class."""

    def __init__(self, layer: "Layer") -> None:
        self.layer = layer

    def __call__(self, inputs: Any, *parameters: np.ndarray, **context: Any) -> tuple[Any, Bundle]:
        layer: Any = self.layer
        outputs, jacobians = type(layer).linearize(layer, inputs, *parameters, **context)
        if type(jacobians) is Jacobians:
            penalized = Penalized(outputs, layer.activity_regularizer)
            jacobians.outer = penalized if jacobians.outer is None else Composed(penalized, jacobians.outer)
            return outputs, jacobians
        several = isinstance(outputs, tuple)
        arrays = (*(inputs if isinstance(inputs, tuple) else (inputs,)), *parameters)
        return outputs, self._after(jacobians, arrays, outputs if several else (outputs,))

    def _after(self, jacobians: Bundle, arrays: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> Bundle:
        """`jacobians` of arrays, and a `Penalized` behind each output."""
        regularizer: Any = self.layer.activity_regularizer
        start, count = len(arrays), len(outputs)
        nodes = [Node(jacobians, tuple(range(start)), tuple(range(start, start + count)), self.layer)]
        ends = []
        for slot, output in enumerate(outputs, start):
            ends.append((slot + count, output.shape))
            nodes.append(Node(Jacobians(Penalized(output, regularizer)), (slot,), (slot + count,), regularizer))
        shapes = [array.shape if array.dtype.kind in "fc" else None for array in arrays]
        return GraphJacobians(nodes, shapes, ends, jacobians.data, jacobians.state, jacobians.mask)
