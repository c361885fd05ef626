"""The Jacobians of a graph of ops or layers: fan-out is summed, by the total derivative."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.jacobians.bundles.bundle import Bundle, Cotangent, Into, JointBundle, Products, Wanted, placed

__all__ = ["GraphJacobians", "Node"]


class Node(NamedTuple):
    """One use of an op or layer.

    Attributes:
        jacobians: the bundle, with one input for each of `inputs`.
        inputs: the slot each input came from; None for a constant.
        outputs: the slot each output went to: one, unless a layer returns several.
        owner: the op or layer, for display.
    """

    jacobians: Bundle
    inputs: tuple[int | None, ...]
    outputs: tuple[int, ...]
    owner: object = ""


class GraphJacobians(JointBundle):
    """The Jacobians of values in a graph with respect to its inputs.

    Slots 0, 1, ... hold the inputs, later ones what the nodes returned.

    Args:
        nodes: the `Node`s, in the order in which they were computed.
        in_shapes: shape of each input.
        outputs: slot and shape of each output, as `(slot, shape)`.
        data: how many inputs come first that are data; the others are parameters, which all examples share.
        state: what the layers in it want to keep.
        mask: which steps of the output count.
    """

    __slots__ = ("data", "in_shapes", "mask", "nodes", "outputs", "state")

    def __init__(
        self,
        nodes: Sequence[Node],
        in_shapes: Sequence[tuple[int, ...] | None],
        outputs: Sequence[tuple[int, tuple[int, ...]]],
        data: int = 1,
        state: Sequence = (),
        mask: "np.ndarray | tuple | None" = None,
    ):
        self.nodes = nodes
        self.in_shapes = in_shapes
        self.outputs = outputs
        self.data = data
        self.state = state
        self.mask = mask

    def vjp(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """Reverse mode, as `Bundle.vjp`: a value that is used several times gets the sum over its uses."""
        chosen = [True] * len(self) if wanted is None else wanted
        live = self._reached_from(slot for slot, want in enumerate(chosen) if want)
        cotangents, targets = self._at_outputs(cotangent, live), self._used_once(into or ())
        for node in reversed(self.nodes):
            incoming = [cotangents.pop(slot, None) for slot in node.outputs]
            if all(part is None for part in incoming):
                continue
            want = tuple([slot in live for slot in node.inputs])
            memory = tuple([targets.get(slot) for slot in node.inputs]) if targets else None
            results = node.jacobians.vjp(incoming[0] if len(incoming) == 1 else tuple(incoming), want, memory)
            for slot, result in zip(node.inputs, results, strict=True):
                if slot in live and result is not None:
                    cotangents[slot] = cotangents[slot] + result if slot in cotangents else result
        return self._written(cotangents, chosen, into, *self._seeds(cotangent))

    def jvp(self, *tangents: np.ndarray | None) -> "np.ndarray | tuple | None":
        """Forward mode: the tangent of the output for one tangent per input; None stands for zero."""
        tangent_by_slot = {slot: tangent for slot, tangent in enumerate(tangents) if tangent is not None}
        for node in self.nodes:
            result = node.jacobians.jvp(*[tangent_by_slot.get(slot) for slot in node.inputs])
            several = len(node.outputs) > 1 and result is not None
            tangent_by_slot.update(zip(node.outputs, result if several else [result] * len(node.outputs), strict=True))
        results = tuple(tangent_by_slot.get(slot) for slot, _ in self.outputs)
        return results[0] if len(results) == 1 else results

    def per_example(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the data.

        What depends on parameters alone carries one cotangent per example in front of its own axes.
        """
        chosen = self.chosen_parameters(wanted)
        live, batched = self._reached_from(np.flatnonzero(chosen).tolist()), self._batched()
        if self.mixes_rows or len(self.outputs) > 1 or self.outputs[0][0] not in batched:
            return super().per_example(cotangent, wanted, into)
        cotangents = self._at_outputs(cotangent, live)
        for node in reversed(self.nodes):
            incoming = cotangents.pop(node.outputs[0], None)
            if incoming is None:
                continue
            shared = [slot in live and slot not in batched for slot in node.inputs]
            inner = [slot in live and slot in batched for slot in node.inputs]
            if node.outputs[0] in batched:
                results = [*node.jacobians.vjp(incoming, tuple(inner))]
                for index in np.flatnonzero(shared):
                    part = node.jacobians[index]
                    results[index] = None if part is None else part.per_example(incoming)
            else:
                results = node.jacobians.vjp(incoming, tuple(shared))
            for slot, result in zip(node.inputs, results, strict=True):
                if result is not None:
                    cotangents[slot] = cotangents[slot] + result if slot in cotangents else result
        return self._written(cotangents, chosen, into, cotangent.shape[:1], cotangent.dtype)

    def of_output(self, index: int) -> "GraphJacobians":
        """The Jacobians of one of several outputs, from the same maps."""
        mask = self.mask[index] if isinstance(self.mask, tuple) else self.mask
        return GraphJacobians(self.nodes, self.in_shapes, [self.outputs[index]], self.data, self.state, mask)

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on other rows of the data."""
        batched = self._batched()
        return any(
            len(node.outputs) > 1 or ((part := node.jacobians[index]) is not None and part.mixes_rows)
            for node in self.nodes
            for index, slot in enumerate(node.inputs)
            if slot in batched
        )

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.outputs[0][1]

    def _batched(self) -> set[int]:
        """The slots that depend on the data."""
        return self._reached_from(range(self.data))

    def _reached_from(self, slots: Iterable[int]) -> set[int]:
        """`slots` and all that is computed from them."""
        reached = set(slots)
        for node in self.nodes:
            if not reached.isdisjoint(node.inputs):
                reached.update(node.outputs)
        return reached

    def _at_outputs(self, cotangent: Cotangent, live: set[int]) -> dict[int, np.ndarray]:
        parts = (cotangent,) if len(self.outputs) == 1 else cotangent
        cotangents = {}
        for (slot, _), part in zip(self.outputs, parts, strict=True):
            if slot in live and part is not None:
                cotangents[slot] = cotangents[slot] + part if slot in cotangents else part
        return cotangents

    def _used_once(self, into: Sequence[np.ndarray | None]) -> dict[int, np.ndarray]:
        """Of the arrays to write into, by slot, those of inputs with one use: its product may go there at once."""
        targets = {slot: target for slot, target in enumerate(into) if target is not None}
        used = set()
        for slot in [slot for node in self.nodes for slot in node.inputs] if targets else ():
            if slot in used:
                targets.pop(slot, None)
            used.add(slot)
        return targets

    def _seeds(self, cotangent: Cotangent) -> tuple[tuple[int, ...], np.dtype | None]:
        """The leading axes of a cotangent that are not the output's, and its dtype."""
        parts = (cotangent,) if len(self.outputs) == 1 else cotangent
        for (_, shape), part in zip(self.outputs, parts, strict=True):
            if part is not None:
                return part.shape[: part.ndim - len(shape)], part.dtype
        return (), None

    def _written(
        self,
        cotangents: dict[int, np.ndarray],
        chosen: Sequence[bool],
        into: Into,
        seeds: tuple[int, ...],
        dtype: np.dtype | None,
    ) -> Products:
        """The products for the inputs: zeros where no path leads, written into `into` where that is given."""
        results = []
        for slot, want in enumerate(chosen):
            result, target = cotangents.get(slot), into[slot] if into else None
            if want and result is None and self.in_shapes[slot] is not None:
                result = np.zeros(seeds + tuple(self.in_shapes[slot]), dtype)
            results.append((result if result is target else placed(result, target)) if want else None)
        return tuple(results)

    def parts(self) -> list[tuple[str, Bundle]]:
        """`(label, bundle)` of each node, for display."""
        return [(str(node.owner), node.jacobians) for node in self.nodes]

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that are kept; one that several maps share is repeated."""
        for node in self.nodes:
            yield from node.jacobians.stored()

    def __repr__(self) -> str:
        return f"GraphJacobians({', '.join(str(node.owner) for node in self.nodes)})"
