"""Graphs as a Python file that needs NumPy alone."""

import base64
import inspect
import io
import pprint
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.inference.exports import numpy_operators, python_runtime
from nnlite.inference.exports.graph import TEXTS, Graph, Node
from nnlite.inference.exports.text_operators import CONSTANTS, TEXT_OPERATORS

__all__ = ["RawColumns", "python_files"]

INSIDE_UP_TO = 5 * 10**6  # bytes of constants that a file of source holds
HEAD = '''"""A trained model in one file that needs NumPy alone, written by nnlite.

From Python: `predict(rows)`. From the command line: `python {name} rows.csv`.
"""

import base64
import csv
import datetime
import functools
import itertools
import math
import pathlib
import re
import string
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
'''
READING = (
    *("as_number", "as_days", "as_text", "column_of", "predict_columns", "predict_arrays"),
    *("read_csv", "arrays_of", "main"),
)
SMALL = 8  # numbers, up to which a constant is written where it is used
NAMESAKES = ("Sqrt", "Exp", "Log", "Tanh", "Abs", "Sign", "Sin", "Cos", "Floor", "IsNaN")  # of NumPy's functions
ELEMENTWISE = {op: f"np.{op.lower()}({{0}})" for op in NAMESAKES} | {
    "Add": "{0} + {1}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "Div": "{0} / {1}",
    "Neg": "-{0}",
    "MatMul": "{0} @ {1}",
    "Relu": "np.maximum({0}, 0)",
    "Softsign": "{0} / (1 + np.abs({0}))",
    "Max": "np.maximum({0}, {1})",
    "Min": "np.minimum({0}, {1})",
    "Greater": "{0} > {1}",
    "Less": "{0} < {1}",
    "GreaterOrEqual": "{0} >= {1}",
    "LessOrEqual": "{0} <= {1}",
    "Pow": "np.power({0}, {1})",
    "Equal": "{0} == {1}",
    "Where": "np.where({0}, {1}, {2})",
    "Not": "~{0}",
    "Or": "{0} | {1}",
    "Shape": "np.array({0}.shape)",
    "Expand": "np.broadcast_to({0}, {1})",
    "Identity": "{0}",
}


@dataclass(frozen=True)
class RawColumns:
    """Raw table columns that an exported file's graph takes.

    Args:
        kinds: name -> kind of each column.
        forms: name -> how text spells the dates of a column, `"iso"` or a format of `datetime.strptime`.
        delimiter, decimal, encoding: of a CSV file.
    """

    kinds: dict[str, str]
    forms: dict[str, str]
    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8-sig"


def python_files(
    graph: Graph, name: str, raw: RawColumns | None = None, labels: list | None = None
) -> dict[str, bytes]:
    """File name -> content of a module with `predict`, which the command line runs on a CSV file.

    Constants are part of the module up to 5 MB, beyond that in an `.npz` file beside it.

    Args:
        graph: what it computes.
        name: of the module's file.
        raw: of the table that the graph takes; None for arrays.
        labels: the classes whose probabilities are an output.

    Raises:
        ConfigError: an operator that has no form in NumPy.
    """
    parameters = {key: array for key, array in graph.constants.items() if not _is_written_out(array)}
    source = _Source(graph, raw, labels)
    body = source.function()
    if sum(array.nbytes for array in parameters.values()) <= INSIDE_UP_TO:
        return {name: _module(source, body, _inside(parameters), name).encode()}
    beside = f"{name.removesuffix('.py')}.npz"
    buffer = io.BytesIO()
    savez: Any = np.savez
    savez(buffer, **parameters)
    return {name: _module(source, body, _beside(beside), name).encode(), beside: buffer.getvalue()}


def _is_written_out(array: np.ndarray) -> bool:
    """Whether a constant stands where it is used: one whose repr is Python, as that of an infinite number is not."""
    return array.dtype.kind in "OUb" or (array.size <= SMALL and array.ndim <= 1 and bool(np.isfinite(array).all()))


class _Source:
    """The lines of `predict`, and the helpers that they call."""

    def __init__(self, graph: Graph, raw: RawColumns | None, labels: list | None) -> None:
        self.graph, self.raw, self.labels = graph, raw, labels
        self.helpers: set[str] = set()
        self.names = {port.name: f"x{index}" for index, port in enumerate(graph.inputs)}

    def function(self) -> str:
        lines = [f"    {self._assignment(node)}" for node in self.graph.nodes]
        returned = ", ".join(f"{port.name!r}: {self._name(port.name)}" for port in self.graph.outputs)
        arguments = ", ".join(self._name(port.name) for port in self.graph.inputs)
        return "\n".join([f"def outputs_of({arguments}):", *lines, f"    return {{{returned}}}"])

    def _assignment(self, node: Node) -> str:
        arguments = [self._argument(name) for name in node.inputs]
        results = ", ".join(self._name(name) for name in node.outputs)
        if node.op in ELEMENTWISE:
            return f"{results} = {ELEMENTWISE[node.op].format(*map(_grouped, arguments))}"
        written = WRITTEN.get(node.op)
        if written is not None:
            return f"{results} = {written(node, arguments, self.graph)}"
        function = _snake(node.op)
        if function not in OPERATORS:
            raise ConfigError(f"the operator {node.op} has no form in a Python file; export to ONNX")
        self.helpers.add(function)
        if node.domain == TEXTS:
            arguments = [f"{argument}.ravel().tolist()" for argument in arguments]
        options = [f"{name}={value!r}" for name, value in node.attributes.items() if name != "owner"]
        return f"{results} = {function}({', '.join([*arguments, *options])})"

    def _argument(self, name: str) -> str:
        array = self.graph.constants.get(name)
        if not name:
            return "None"
        if array is None:
            return self._name(name)
        return _literal(array) if _is_written_out(array) else f"P[{name!r}]"

    def _name(self, name: str) -> str:
        return self.names.setdefault(name, f"y_{name}" if not re.fullmatch(r"[a-z]\w*", name) else name)


def _literal(array: np.ndarray) -> str:
    if array.ndim == 0 and array.dtype.kind in "if":
        return f"np.{array.dtype}({array.item()!r})"
    kind = "object" if array.dtype.kind == "O" else str(array.dtype)
    return f"np.array({array.tolist()!r}, {kind!r})"


def _grouped(text: str) -> str:
    return text if re.fullmatch(r"[\w.\[\]'()\-]+", text) else f"({text})"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _values(graph: Graph, name: str) -> list[int]:
    return graph.constants[name].reshape(-1).tolist()


def _reduction(function: str) -> Callable[[Node, list[str], Graph], str]:
    def written(node: Node, arguments: list[str], graph: Graph) -> str:
        axes = tuple(_values(graph, node.inputs[1]))
        return f"np.{function}({arguments[0]}, axis={axes}, keepdims={bool(node.attributes['keepdims'])})"

    return written


def _reshaped(node: Node, arguments: list[str], graph: Graph) -> str:
    lengths = _values(graph, node.inputs[1])
    sizes = [f"{arguments[0]}.shape[{index}]" if length == 0 else str(length) for index, length in enumerate(lengths)]
    return f"{arguments[0]}.reshape({', '.join(sizes)})"


def _sliced(node: Node, arguments: list[str], graph: Graph) -> str:
    start, stop = (
        _bound(graph, name, argument) for name, argument in zip(node.inputs[1:3], arguments[1:3], strict=True)
    )
    axis, step = (_values(graph, name)[0] for name in node.inputs[3:])
    return f"np.moveaxis(np.moveaxis({arguments[0]}, {axis}, 0)[slice({start}, {stop}, {step})], 0, {axis})"


def _bound(graph: Graph, name: str, argument: str) -> str:
    """A bound of a slice: a number, None for the end, or a value that is computed."""
    if name not in graph.constants:
        return f"{argument}[0]"
    bound = _values(graph, name)[0]
    return "None" if abs(bound) >= 2**62 else str(bound)


OPERATORS = {name: vars(numpy_operators)[name] for name in numpy_operators.__all__} | TEXT_OPERATORS
WRITTEN: dict[str, Callable[[Node, list[str], Graph], str]] = {
    "Transpose": lambda node, args, graph: f"{args[0]}.transpose({tuple(node.attributes['perm'])})",
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Concat": lambda node, args, graph: f"np.concatenate([{', '.join(args)}], axis={node.attributes['axis']})",
    "Gather": lambda node, args, graph: f"np.take({args[0]}, {args[1]}, axis={node.attributes.get('axis', 0)})",
    "Cast": lambda node, args, graph: f"{args[0]}.astype({node.attributes['to']!r})",
    "Unsqueeze": lambda node, args, graph: f"np.expand_dims({args[0]}, {tuple(_values(graph, node.inputs[1]))})",
    "Squeeze": lambda node, args, graph: f"np.squeeze({args[0]}, {tuple(_values(graph, node.inputs[1]))})",
    "Einsum": lambda node, args, graph: f"np.einsum({node.attributes['equation']!r}, {', '.join(args)})",
    "CumSum": lambda node, args, graph: f"np.cumsum({args[0]}, axis={_values(graph, node.inputs[1])[0]})",
    "GatherElements": lambda node, args, graph: (
        f"np.take_along_axis({args[0]}, {args[1]}, axis={node.attributes['axis']})"
    ),
    "ArgMax": lambda node, args, graph: f"np.argmax({args[0]}, axis={node.attributes['axis']})",
    "ReduceSum": _reduction("sum"),
    "ReduceMean": _reduction("mean"),
    "ReduceMax": _reduction("max"),
}


def _inside(parameters: dict[str, np.ndarray]) -> str:
    """Constants as text: base85 of their bytes, little-endian."""
    lines = ["P = {"]
    for name, array in parameters.items():
        stored = array.astype(array.dtype.newbyteorder("<"))
        text = base64.b85encode(stored.tobytes()).decode()
        parts = (
            "\n".join(f"        {text[start : start + 110]!r}" for start in range(0, len(text), 110)) or "        ''"
        )
        lines.append(f"    {name!r}: (\n{parts},\n        {stored.dtype.str!r},\n        {array.shape},\n    ),")
    lines += [
        "}",
        "for name, (text, kind, shape) in P.items():",
        "    P[name] = np.frombuffer(base64.b85decode(text), kind).reshape(shape)",
    ]
    return "\n".join(lines)


def _beside(name: str) -> str:
    return f"P = dict(np.load(pathlib.Path(__file__).with_name({name!r})))"


def _module(source: _Source, body: str, constants: str, name: str) -> str:
    """The text of the module."""
    raw, inputs = source.raw, source.graph.inputs
    text = raw or RawColumns({}, {})
    columns = "None" if raw is None else pprint.pformat(raw.kinds, width=110, sort_dicts=False)
    shapes, types = [port.shape[1:] for port in inputs], [port.dtype for port in inputs]
    settings = [
        f"MISSING = {python_runtime.MISSING!r}",
        f"COLUMNS = {columns}",
        f"FORMS = {text.forms!r}",
        f"LABELS = {source.labels!r}",
        f"SHAPES, TYPES = {shapes!r}, {types!r}",
        f"DELIMITER, DECIMAL, ENCODING = {text.delimiter!r}, {text.decimal!r}, {text.encoding!r}",
    ]
    operators = [inspect.getsource(OPERATORS[helper]) for helper in _with_callees(source.helpers)]
    settings += [line for name, line in CONSTANTS.items() if any(re.search(rf"\b{name}\b", code) for code in operators)]
    reading = [inspect.getsource(getattr(python_runtime, name)) for name in READING]
    entry = "predict_arrays" if raw is None else "predict_columns"
    parts = [HEAD.format(name=name), "\n".join(settings), constants, *operators, body, *reading]
    parts += [f"predict = {entry}", 'if __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))']
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _with_callees(names: set[str]) -> list[str]:
    """The helpers and those that they call, callees first."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered:
            return
        code = inspect.getsource(OPERATORS[name])
        for other in OPERATORS:
            if other != name and re.search(rf"\b{other}\b", code):
                visit(other)
        ordered.append(name)

    for name in sorted(names):
        visit(name)
    return ordered
