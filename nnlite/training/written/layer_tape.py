"""A tape that records the layers called by a user-defined training step."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.jacobians import AddedLoss, Jacobian, Jacobians, Penalized, penalized_parts
from nnlite.layers import Layer
from nnlite.layers.base.call import LayerTrace, moves_on
from nnlite.layers.base.inputs import read_training
from nnlite.ops.tape import Recorded, Tape, paused
from nnlite.ops.tracing import Traced
from nnlite.random import RandomSource

__all__ = ["LayerTape", "values_of"]


class LayerTape(Tape):
    """A `Tape` that records uses of layers, and of whole models, each as one node.

    Args:
        random: where layers get their random numbers from while training.
        before: see `Tape`.
    """

    def __init__(self, random: RandomSource | None = None, before: Callable[[np.ndarray], None] | None = None) -> None:
        super().__init__(before)
        self._kinds: dict[int, tuple[tuple[int, ...], np.dtype]] = {}  # shape and type of each value
        self._uses = LayerTrace(random=random)
        self._uses.nodes, self._uses._slot = self.nodes, self._slot  # type: ignore[method-assign]
        self.masks = self._uses.masks
        self._terms: list[tuple[Any, Recorded]] = []  # each with the layer that adds it to the loss
        self._parts: list[Any] = []  # the maps that these terms are of
        self._searched = self._counted = 0  # nodes that were looked at for terms, terms that `penalties` has given

    def call_layer(
        self, layer: Layer, inputs: Any, training: bool | None = None, mask: Any = None, runner: Layer | None = None
    ) -> Any:
        """The result of `layer(inputs)`, or of the variant `runner` of the layer, recorded."""
        training = read_training(training, layer.label)
        with paused():
            arrays: Any = layer._as_input(values_of(inputs))
            data = self._taken(inputs, arrays)
            parameters = [self.leaf(parameter) for parameter in layer.parameters]
            # The first layer, which is most often the model itself, draws what it draws in a step of `fit`.
            random = self._uses.random if training and not self.nodes else None
            output = self._uses.use(layer, data, parameters, runner, training=training, mask=mask, random=random)
            self._uses.states.clear()  # stored at once, so that the next use begins with it
            self._uses.changed.clear()
            if (state := self.nodes[-1].jacobians.state) and (training or moves_on(layer)):
                layer.update_state(state)
        return layer._as_returned(output)

    def _taken(self, inputs: Any, arrays: Any) -> Any:
        """`arrays`, what a layer reads in `inputs`, replaced by recorded numbers."""
        if not isinstance(arrays, tuple):
            return inputs if _is_number(inputs) else arrays
        items = list(inputs.values()) if isinstance(inputs, dict) else inputs
        return tuple(item if _is_number(item) else array for item, array in zip(items, arrays, strict=True))

    def terms(self) -> list[tuple[Any, Recorded]]:
        """Each term that the layers called so far add to the loss, recorded, behind its layer."""
        nodes, self._searched = self.nodes[self._searched :], len(self.nodes)
        for node in nodes:
            for part in penalized_parts(node.jacobians) if isinstance(node.owner, Layer) else ():
                shape, dtype = self._kinds[node.outputs[0]]
                by_outputs = Jacobians(_Term(part, shape))
                term: Any = self.note(node.owner, np.asarray(part.penalty, dtype), by_outputs, node.outputs[:1])
                self._terms.append((node.owner, term))
                self._parts.append(part)
        return self._terms

    def penalties(self) -> Any:
        """The sum of the terms since the last call, recorded."""
        new, self._counted = self.terms()[self._counted :], len(self._terms)
        return sum(term for _, term in new)

    def backward(self, output: Recorded) -> None:
        super().backward(output)
        for part in self._parts:  # what it was told is of this product alone
            part.add(0.0)

    def _slot(self, value: Any) -> Recorded:
        recorded = super()._slot(value)
        self._kinds[recorded.slot] = recorded.shape, recorded.dtype
        return recorded


class _Term(Jacobian):
    """The map of a term of the loss, as a number, with respect to the outputs of its layer: zero.

    Its product, which comes before that of `part`, the map that carries the term, tells `part` the derivative of the
    loss with respect to the term.
    """

    __slots__ = ("part",)

    def __init__(self, part: Penalized | AddedLoss, in_shape: tuple[int, ...]) -> None:
        super().__init__(in_shape, ())
        self.part = part

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        self.part.add(float(cotangent))
        return np.zeros(self.in_shape, cotangent.dtype)


def _is_number(item: Any) -> bool:
    return isinstance(item, Recorded) and item.dtype.kind in "fc"


def values_of(inputs: Any) -> Any:
    """`inputs` with recorded values replaced by their arrays."""
    if isinstance(inputs, Traced):
        return inputs.value
    if isinstance(inputs, dict):
        return {name: values_of(item) for name, item in inputs.items()}
    if isinstance(inputs, (list, tuple)):
        return type(inputs)(map(values_of, inputs))
    return inputs
