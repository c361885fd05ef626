"""Functions of `nnlite.ops` that are drawn on symbols, as operators."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Graph, Value
from nnlite.inference.exports.lowering.activations import activate
from nnlite.inference.exports.lowering.registry import lowers, refuse
from nnlite.layers.composite.operation import Operation, filled
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.activations.base import OP_OF_FUNCTION
from nnlite.ops.tracing import CONSTANTS, FUNCTIONS

__all__ = []

END = np.iinfo(np.int64).max
BINARY = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "true_divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "matmul": "MatMul",
    "greater": "Greater",
    "less": "Less",
    "greater_equal": "GreaterOrEqual",
    "less_equal": "LessOrEqual",
}
UNARY = {
    "negative": "Neg",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "absolute": "Abs",
    "sin": "Sin",
    "cos": "Cos",
    "erf": "Erf",
}


@lowers(Operation)
def _operation(layer: Operation, inputs: Any) -> Any:
    values = inputs if isinstance(inputs, list) else [inputs]
    name, graph = layer.function, values[0].graph
    arguments = [filled(argument, values, "float32") for argument in layer.arguments or [{"input": 0}]]
    options = {key: filled(option, values, "float32") for key, option in layer.options.items()}
    function = FUNCTIONS.get(name) or CONSTANTS[name]
    bound = inspect.signature(function).bind(*arguments, **options)
    bound.apply_defaults()
    first, *rest = bound.arguments.values()
    if name in FORMS:
        return FORMS[name](layer, graph, first, *rest)
    if name in BINARY:
        return graph.add(BINARY[name], first, rest[0])
    if name in UNARY:
        return first.apply(UNARY[name])
    kind: Any = OP_OF_FUNCTION.get(id(function))
    if isinstance(kind, type) and issubclass(kind, ActivationFunction):
        return activate(kind(**{key: value for key, value in bound.arguments.items() if value is not first}), first)
    raise refuse(layer, f"applies ops.{name}, which has no form in this format")


def _axes(layer: Operation, axis: Any) -> tuple[int, ...]:
    """The axes of a reduction; `ConfigError` where it would mix examples."""
    axes = (axis,) if isinstance(axis, int) else axis
    if axes is None or any(index % len(layer.input_shape) == 0 for index in axes):
        raise refuse(layer, f"applies ops.{layer.function} over the batch, which has no form in this format")
    return tuple(axes)


def _reduction(kind: str) -> Callable[..., Value]:
    def form(layer: Operation, graph: Graph, x: Value, axis: Any, keepdims: bool) -> Value:
        return x.reduce(kind, _axes(layer, axis), keepdims)

    return form


def _smallest(layer: Operation, graph: Graph, x: Value, axis: Any, keepdims: bool) -> Value:
    return -(-x).reduce("Max", _axes(layer, axis), keepdims)


def _variance(layer: Operation, graph: Graph, x: Value, axis: Any, keepdims: bool) -> Value:
    axes = _axes(layer, axis)
    centered = x - x.reduce("Mean", axes)
    return (centered * centered).reduce("Mean", axes, keepdims)


def _concatenate(layer: Operation, graph: Graph, arrays: Sequence[Value], axis: int) -> Value:
    return graph.concat(arrays, axis)


def _stack(layer: Operation, graph: Graph, arrays: Sequence[Value], axis: int) -> Value:
    return graph.concat([graph.value(array).expand_dims(axis) for array in arrays], axis)


def _squeeze(layer: Operation, graph: Graph, x: Value, axis: Any) -> Value:
    return x.apply("Squeeze", graph.integers(*_axes(layer, axis)))


def _transpose(layer: Operation, graph: Graph, x: Value, axes: Any) -> Value:
    if axes is None or axes[0] != 0:
        raise refuse(layer, "moves the axis of the batch, which has no form in this format")
    return x.transpose(*axes)


def _reshape(layer: Operation, graph: Graph, x: Value, shape: Sequence[int]) -> Value:
    if shape[0] != -1:
        raise refuse(layer, "gives the batch a length, which has no form in this format; -1 in front goes")
    return x.reshape(*shape)


def _item(layer: Operation, graph: Graph, x: Value, index: Any) -> Value:
    """Slices, indices, new axes and `...`, after the whole batch."""
    parts = list(index) if isinstance(index, (tuple, list)) else [index]
    if ... in parts:
        middle = parts.index(...)
        missing = len(layer.input_shape) - sum(part is not None for part in parts) + 1
        parts[middle : middle + 1] = [slice(None)] * missing
    if not parts or parts[0] != slice(None) or not all(isinstance(part, int | slice | None) for part in parts):
        raise refuse(layer, "picks examples, or by an array, which has no form in this format")
    axis = 0
    for part in parts:
        if isinstance(part, int):
            x = x.take([part], axis).apply("Squeeze", graph.integers(axis))
            continue
        if part is None:
            x = x.expand_dims(axis)
        elif part != slice(None):
            step = part.step or 1
            first, end = (0, END) if step > 0 else (-1, -END)
            start, stop = (first if part.start is None else part.start), (end if part.stop is None else part.stop)
            x = x.cut(axis, start, stop, step)
        axis += 1
    return x


FORMS: dict[str, Callable[..., Value]] = {
    "sum": _reduction("Sum"),
    "mean": _reduction("Mean"),
    "max": _reduction("Max"),
    "amax": _reduction("Max"),
    "min": _smallest,
    "amin": _smallest,
    "var": _variance,
    "std": lambda layer, graph, *args: _variance(layer, graph, *args).apply("Sqrt"),
    "square": lambda layer, graph, x: x * x,
    "reciprocal": lambda layer, graph, x: graph.add("Div", 1.0, x),
    "rsqrt": lambda layer, graph, x: graph.add("Div", 1.0, x.apply("Sqrt")),
    "clip": lambda layer, graph, x, low, high: x.clip(low, high),
    "where": lambda layer, graph, condition, a, b: graph.where(condition, a, b),
    "einsum": lambda layer, graph, equation, operands: graph.add("Einsum", *operands, equation=equation),
    "concatenate": _concatenate,
    "stack": _stack,
    "expand_dims": lambda layer, graph, x, axis: x.expand_dims(axis),
    "squeeze": _squeeze,
    "transpose": _transpose,
    "reshape": _reshape,
    "getitem": _item,
    "get_item": _item,
}
