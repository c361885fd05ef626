"""The stages of a chain of Jacobians, observed while a derivative passes back through them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.jacobians import Bundle, ChainJacobians, GraphJacobians, Identity, Jacobian, Jacobians
from nnlite.layers import Chain, Layer
from nnlite.parameters import Parameter


class Stage(Bundle):
    """One op or layer, its Jacobians, and the norms of the derivatives on both sides of it.

    It stands for its Jacobians: what goes back through `vjp` is measured on the way.

    Args:
        name: of the layer, op or part of a layer.
        owner: the layer or op; None for a part of a layer.
        jacobians: what its `linearize` returned; what they are made of are stages as well.
        sources: for each of its inputs the `Parameter` that it is; None for data.
        inner: the stages that it is made of, in order.

    Attributes:
        then: the stage that the same layer applies to all of this: its activation.
        layer: name of the layer that it is, or is a part of.
        cotangent: what last came back to its output.
    """

    def __init__(
        self,
        name: str,
        owner: Any,
        jacobians: Any,
        sources: Iterable[Parameter | None],
        inner: Iterable["Stage"] = (),
    ):
        self.name = name
        self.owner = owner
        self.jacobians = jacobians
        self.sources = tuple(sources)
        self.inner = tuple(inner)
        self.then = None
        self.layer = name
        self.cotangent = None
        self._squares = {}

    @property
    def kind(self) -> str:
        """The class of the layer or op; empty for a part of a layer."""
        return "" if self.owner is None else type(self.owner).__name__

    @property
    def maps(self) -> dict:
        """`label -> structured map`, one per input and parameter; none if `inner` has them."""
        if self.inner:
            return {}
        by_label = {label: self.jacobians[index] for index, label in enumerate(self._labels)}
        return {label: part for label, part in by_label.items() if part is not None}

    @property
    def _labels(self) -> list[str]:
        names = [source.name if source else "inputs" for source in self.sources]
        return [name if names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(names)]

    @property
    def shape(self) -> tuple | None:
        """Shape of its output; None if unknown."""
        shapes = [part.out_shape for part in self.maps.values()] + [stage.shape for stage in self.inner[-1:]]
        built = self.owner.output_shape if isinstance(self.owner, Layer) else None
        return shapes[0] if shapes else built and (1, *built[1:])

    @property
    def by_output(self) -> float | None:
        """Frobenius norm of the derivative with respect to its output; None if no derivative arrives."""
        return _norm([self._squares.get("output")])

    @property
    def by_input(self) -> float | None:
        """Frobenius norm of the derivative with respect to its data, without parameters; None if there is none."""
        return _norm([self._squares.get(index) for index, source in enumerate(self.sources) if source is None])

    def norm_at(self, key: int) -> float | None:
        """Frobenius norm of the derivative with respect to the input with this index."""
        return _norm([self._squares.get(key)])

    @property
    def norms(self) -> dict:
        """`label -> Frobenius norm` of the derivative with respect to each input and parameter, None for none."""
        return {label: self.norm_at(index) for index, label in enumerate(self._labels)}

    def vjp(
        self,
        cotangent: np.ndarray | tuple,
        wanted: Sequence[bool] | None = None,
        into: Sequence[np.ndarray | None] | None = None,
    ) -> tuple:
        """As `vjp` of the Jacobians; also accumulates the squares of what comes in and goes out."""
        results = self.jacobians.vjp(cotangent, wanted or (True,) * len(self), into)
        self.cotangent = cotangent
        for part in cotangent if isinstance(cotangent, tuple) else (cotangent,):
            self._add("output", part)
        for index, result in enumerate(results):
            self._add(index, result)
        return results

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | tuple | None:
        """As `jvp` of the Jacobians."""
        return self.jacobians.jvp(*tangents)

    @property
    def mixes_rows(self) -> bool:
        """As `mixes_rows` of the Jacobians."""
        return self.jacobians.mixes_rows

    @property
    def data(self) -> int:
        """As `data` of the Jacobians."""
        return self.jacobians.data

    @property
    def state(self) -> tuple:
        """As `state` of the Jacobians."""
        return self.jacobians.state

    @property
    def mask(self) -> np.ndarray | tuple | None:
        """As `mask` of the Jacobians."""
        return self.jacobians.mask

    def parts(self) -> Sequence[tuple[str, Jacobian | Bundle]]:
        """As `parts` of the Jacobians."""
        return self.jacobians.parts()

    def stored(self) -> Iterator[np.ndarray]:
        """As `stored` of the Jacobians."""
        return self.jacobians.stored()

    def in_order(self) -> list["Stage"]:
        """The innermost stages that follow one another; a graph counts as one."""
        if isinstance(self.jacobians, ChainJacobians):
            return [last for stage in self.inner for last in stage.in_order()]
        return [self]

    def uses(self, parameter: Parameter) -> list["Stage"]:
        """The innermost stages that take `parameter`."""
        uses = [use for stage in self.inner for use in stage.uses(parameter)]
        return uses or [self] * any(source is parameter for source in self.sources)

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Jacobian | None:
        return self.jacobians[index]

    def __repr__(self) -> str:
        return f"Stage({self.name!r}, {self.jacobians!r})"

    def _add(self, key: int | str, part: np.ndarray | None) -> None:
        if part is not None:
            self._squares[key] = self._squares.get(key, 0.0) + float(np.square(part, dtype=np.float64).sum())


def watch(jacobians: Any, owner: Any, name: str, sources: Sequence[Parameter | None]) -> Stage:
    """The Jacobians of `owner` as a stage, with all of their parts.

    Args:
        jacobians: what its `linearize` returned.
        owner: a model or its program, a layer or an op; None for a part of a layer.
        name: for display.
        sources: the `Parameter` that each input is, None for data.
    """
    inner, outer = [], jacobians.outer
    if isinstance(outer, Identity):
        jacobians, outer = Jacobians(*jacobians.maps, data=jacobians.data), None
    if outer is not None:
        first = Jacobians(*jacobians.maps, data=jacobians.data)
        parts, owners = [first, Jacobians(outer)], (None, None)
        after = _name_of_outer(owner, outer)
        names = (f"{name} before {after}", f"{after} of {name}")
    elif isinstance(jacobians, ChainJacobians):
        program = owner.chain if isinstance(owner, Layer) else owner
        parts, chain = jacobians.stages, isinstance(program, Chain)
        owners = [stage.layer for stage in program.stages] if chain else [None] * len(parts)
        names = [_name_of(layer) if chain else f"part {number}" for number, layer in enumerate(owners, start=1)]
    elif isinstance(jacobians, GraphJacobians):
        return _watched_graph(jacobians, owner, name, sources)
    else:
        return Stage(name, owner, jacobians, sources)
    stop = 1
    for part, layer, label in zip(parts, owners, names, strict=True):
        start, stop = stop, stop + len(part) - 1
        carried = None if inner else sources[0]
        inner.append(watch(part, layer, label, (carried, *sources[start:stop])))
        if layer is None:
            inner[-1].layer = name
    if outer is not None:
        inner[0].then = inner[1]
    return Stage(name, owner, ChainJacobians(inner), sources, inner)


def _watched_graph(jacobians: GraphJacobians, owner: Any, name: str, sources: Sequence[Parameter | None]) -> Stage:
    inner = []
    for node in jacobians.nodes:
        inputs = [sources[slot] if slot is not None and slot < len(sources) else None for slot in node.inputs]
        inner.append(watch(node.jacobians, node.owner, _name_of(node.owner), inputs))
    nodes = [node._replace(jacobians=stage) for node, stage in zip(jacobians.nodes, inner, strict=True)]
    graph = GraphJacobians(nodes, jacobians.in_shapes, jacobians.outputs, jacobians.data)
    return Stage(name, owner, graph, sources, inner)


def _name_of(owner: Any) -> str:
    return (isinstance(owner, Layer) and owner.name) or type(owner).__name__


def _name_of_outer(owner: Any, outer: Jacobian) -> str:
    """The name of the map that a layer applies after all others: mostly its activation."""
    activation = owner._activation_argument if isinstance(owner, Layer) else None
    kind: type = type(outer if activation is None else activation)
    return kind.__name__


def _norm(squares: Sequence[float | None]) -> float | None:
    summands = [square for square in squares if square is not None]
    return math.sqrt(sum(summands)) if summands else None
