"""A model as a graph of ONNX operators: the common source of all export formats."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

__all__ = ["TEXTS", "Graph", "Node", "Value"]

TEXTS = "nnlite.texts"  # the domain of operators that ONNX does not have; their attribute `owner` says what needs them

FLOAT = np.dtype("float32")


@dataclass(eq=False)
class Node:
    """One operator of opset 18, with the names of its inputs and outputs; "" is an input that is left out."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    domain: str = ""


@dataclass(frozen=True)
class Port:
    """An input or output of the graph: its name, type and shape, None for the batch."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass
class Graph:
    """Nodes in an order in which they can be computed, and the constants they use.

    Numbers are float32, but those of raw columns, which are float64. Methods that take values take arrays and numbers
    as well, which become constants.

    >>> graph = Graph()
    >>> x = graph.input("x", "float32", (None, 2))
    >>> graph.output("y", (x * 2 + 1).apply("Relu"), "float32", (None, 2))
    >>> [node.op for node in graph.nodes]
    ['Mul', 'Add', 'Relu', 'Identity']
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    _names: int = 0

    def input(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> "Value":
        """A new input of the graph."""
        self.inputs.append(Port(name, dtype, shape))
        return Value(self, name)

    def output(self, name: str, value: "Value", dtype: str, shape: tuple[int | None, ...]) -> None:
        """Make a value an output of the graph under a name."""
        self.nodes.append(Node("Identity", [value.name], [name], {}))
        self.outputs.append(Port(name, dtype, shape))

    def constant(self, array: Any) -> "Value":
        """A constant; floating-point numbers become float32, others keep their type."""
        array = np.asarray(array)
        return self._kept(array.astype(FLOAT) if array.dtype.kind == "f" else array)

    def exact(self, array: Any) -> "Value":
        """A constant of float64 numbers, for computations on raw columns."""
        return self._kept(np.asarray(array, dtype=np.float64))

    def _kept(self, array: np.ndarray) -> "Value":
        name = self._name("c")
        self.constants[name] = np.ascontiguousarray(array) if array.ndim else array
        return Value(self, name)

    def integers(self, *values: int) -> "Value":
        """A constant vector of 64-bit integers: a shape, or axes."""
        return self.constant(np.array(values, dtype=np.int64))

    def add(self, op: str, *inputs: Any, domain: str = "", **attributes: Any) -> "Value":
        """The single output of a new node; None is an omitted input."""
        return self.add_several(op, 1, *inputs, domain=domain, **attributes)[0]

    def add_several(self, op: str, count: int, *inputs: Any, domain: str = "", **attributes: Any) -> "list[Value]":
        """The outputs of a new node."""
        names = ["" if item is None else self.value(item).name for item in inputs]
        outputs = [self._name("v") for _ in range(count)]
        self.nodes.append(Node(op, names, outputs, attributes, domain))
        return [Value(self, name) for name in outputs]

    def value(self, item: Any) -> "Value":
        """A value, unchanged; numbers and arrays become constants, Python's numbers float32."""
        if isinstance(item, Value):
            return item
        return self.constant(np.float32(item) if isinstance(item, bool | int | float) else item)

    def concat(self, values: "Sequence[Value]", axis: int) -> "Value":
        """Values concatenated along an axis."""
        return self.add("Concat", *values, axis=axis) if len(values) > 1 else values[0]

    def where(self, condition: "Value", chosen: Any, other: Any) -> "Value":
        """`chosen` where the condition holds, else `other`."""
        return self.add("Where", condition, chosen, other)

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"


@dataclass(frozen=True)
class Value:
    """A value of a graph, with Python's operators and the few methods that lowering functions use.

    Args:
        mask: of a sequence whose steps do not all count, the booleans `(batch, steps)`; operators leave it out.
    """

    graph: Graph
    name: str
    mask: "Value | None" = None

    def masked(self, mask: "Value | None") -> "Value":
        """The same value with another mask, or without one."""
        return replace(self, mask=mask)

    def __add__(self, other: Any) -> "Value":
        return self.graph.add("Add", self, other)

    def __sub__(self, other: Any) -> "Value":
        return self.graph.add("Sub", self, other)

    def __rsub__(self, other: Any) -> "Value":
        return self.graph.add("Sub", other, self)

    def __mul__(self, other: Any) -> "Value":
        return self.graph.add("Mul", self, other)

    def __truediv__(self, other: Any) -> "Value":
        return self.graph.add("Div", self, other)

    def __matmul__(self, other: Any) -> "Value":
        return self.graph.add("MatMul", self, other)

    def __neg__(self) -> "Value":
        return self.graph.add("Neg", self)

    def __gt__(self, other: Any) -> "Value":
        return self.graph.add("Greater", self, other)

    def __lt__(self, other: Any) -> "Value":
        return self.graph.add("Less", self, other)

    def __ge__(self, other: Any) -> "Value":
        return self.graph.add("GreaterOrEqual", self, other)

    def apply(self, op: str, *others: Any, **attributes: Any) -> "Value":
        """A new node whose first input is this value."""
        return self.graph.add(op, self, *others, **attributes)

    def clip(self, low: Any, high: Any) -> "Value":
        """Within [low, high], else the nearer bound; bounds may be arrays."""
        return self.apply("Max", low).apply("Min", high)

    def reduce(self, kind: str, axes: Sequence[int], keepdims: bool = True) -> "Value":
        """The Sum, Mean or Max along axes, according to `kind`."""
        return self.apply(f"Reduce{kind}", self.graph.integers(*axes), keepdims=int(keepdims))

    def reshape(self, *shape: int) -> "Value":
        """Another shape; 0 keeps the length of the axis at this position, -1 stands for the inferred length."""
        return self.apply("Reshape", self.graph.integers(*shape))

    def transpose(self, *order: int) -> "Value":
        """Other axes in front."""
        return self if order == tuple(range(len(order))) else self.apply("Transpose", perm=list(order))

    def cut(self, axis: int, start: int, stop: int, step: int = 1) -> "Value":
        """Slice along an axis, with Python's conventions."""
        bounds = [self.graph.integers(value) for value in (start, stop, axis, step)]
        return self.apply("Slice", *bounds)

    def take(self, places: Any, axis: int) -> "Value":
        """Entries along an axis by index."""
        return self.apply("Gather", self.graph.constant(np.asarray(places, dtype=np.int64)), axis=axis)

    def expand_dims(self, *axes: int) -> "Value":
        """The value with new axes of length 1 at these positions."""
        return self.apply("Unsqueeze", self.graph.integers(*axes))

    def cast(self, dtype: str) -> "Value":
        """The numbers in another type."""
        return self.apply("Cast", to=dtype)
