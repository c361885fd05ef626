"""Chains of dense layers, and of layers for tables, as a C header: float32, no allocation, only `math.h`."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.inference.exports.c_columns import COLUMN_LAYERS
from nnlite.inference.exports.lowering.registry import refuse
from nnlite.inference.fold_constants import folded
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Activated, Affine, Convolution, Pooling, Product, Step, View
from nnlite.ops import activations as functions

__all__ = ["c_header"]

SOFTPLUS = "fmaxf(x, 0) + log1pf(expf(-fabsf(x)))"
FORMULAS: dict[type, Callable[[Any], str]] = {
    functions.Linear: lambda f: "x",
    functions.ReLU: lambda f: "x > 0 ? x : 0",
    functions.LeakyReLU: lambda f: f"x > 0 ? x : {_number(f.negative_slope)} * x",
    functions.ELU: lambda f: f"x > 0 ? x : {_number(f.alpha)} * expm1f(x)",
    functions.SELU: lambda f: f"x > 0 ? {_number(f.scale)} * x : {_number(f.scale * f.alpha)} * expm1f(x)",
    functions.Tanh: lambda f: "tanhf(x)",
    functions.Sigmoid: lambda f: "1 / (1 + expf(-x))",
    functions.SiLU: lambda f: "x / (1 + expf(-x))",
    functions.Softplus: lambda f: SOFTPLUS,
    functions.Mish: lambda f: f"x * tanhf({SOFTPLUS})",
    functions.GELU: lambda f: "0.5f * x * (1 + erff(x * 0.70710678f))",
    functions.Softsign: lambda f: "x / (1 + fabsf(x))",
    functions.Exp: lambda f: "expf(x)",
}
SOFTMAX = """static void {name}_softmax(float *values, int count) {{
    float largest = values[0], total = 0;
    for (int i = 1; i < count; i++) if (values[i] > largest) largest = values[i];
    for (int i = 0; i < count; i++) total += values[i] = expf(values[i] - largest);
    for (int i = 0; i < count; i++) values[i] /= total;
}}
"""


def c_header(layers: Sequence[Layer], name: str, inputs: Sequence[str] = (), outputs: Sequence[str] = ()) -> str:
    """A header with `static void <name>_predict(const float *inputs, float *outputs)` for one row.

    Args:
        layers: built layers, in order; each must be dense, an activation, for columns of a table, or scale and shift
            its inputs.
        name: of the file; what is not a letter, digit or underscore becomes an underscore.
        inputs, outputs: the meaning of each, for the comment at the top.

    Raises:
        ConfigError: a layer or an activation that has no form here.
    """
    name = re.sub(r"\W", "_", name)
    name = f"m_{name}" if name[:1].isdigit() else name
    steps = [step for step in folded(list(layers)) if not isinstance(step, View)]
    tables, lines, width = [], [], layers[0].input_shape[-1]
    first = width
    buffers: list[int] = []
    source = "inputs"
    for index, step in enumerate(steps):
        target = f"b{index}" if index < len(steps) - 1 else "outputs"
        text, arrays, width = _step(step, index, source, target, width, name)
        tables += [_table(key, array) for key, array in arrays.items()]
        buffers.append(width)
        lines += text
        source = target
    if not steps:
        raise ConfigError("the model has no layer that computes anything")
    declared = [f"    float b{index}[{size}];" for index, size in enumerate(buffers[:-1])]
    guard = f"{name.upper()}_H"
    parts = [
        _comment(f"Written by nnlite: {name}_predict takes one row, float32.", inputs, outputs),
        f"#ifndef {guard}\n#define {guard}\n\n#include <math.h>\n",
        f"#define {name.upper()}_INPUTS {first}\n#define {name.upper()}_OUTPUTS {width}\n",
        *tables,
        *([SOFTMAX.format(name=name)] if any("_softmax(" in line for line in lines) else []),
        "\n".join([f"static void {name}_predict(const float *inputs, float *outputs) {{", *declared, *lines, "}\n"]),
        "#endif\n",
    ]
    return "\n".join(parts)


def _comment(title: str, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    lines = [title]
    for kind, meanings in (("inputs", inputs), ("outputs", outputs)):
        lines += [f"   {kind}[{index}]  {meaning}" for index, meaning in enumerate(meanings)]
    text = "\n".join("".join(char if char.isprintable() else " " for char in line) for line in lines)
    return f"/* {text.replace('*/', '* /')} */"


def _step(step: Step, number: int, source: str, target: str, width: int, name: str) -> tuple[list[str], dict, int]:
    """Lines, tables and the width of the outputs of one step."""
    if isinstance(step, Product) and step.kernel.ndim == 2:
        kernel, bias = step.kernel, step.bias
        units = kernel.shape[1]
        start = "0" if bias is None else f"bias{number}[j]"
        lines = [
            f"    for (int j = 0; j < {units}; j++) {{",
            f"        float x = {start};",
            f"        for (int i = 0; i < {width}; i++) x += {source}[i] * kernel{number}[j * {width} + i];",
            *_activated(step.activation, f"{target}[j]", target, units, name),
        ]
        arrays = {f"kernel{number}": kernel.T} | ({} if bias is None else {f"bias{number}": bias})
        return lines, arrays, units
    if isinstance(step, Affine) and step.scale.ndim == 1:
        lines = [
            f"    for (int j = 0; j < {width}; j++) {target}[j] = {source}[j] * scale{number}[j] + shift{number}[j];"
        ]
        arrays = {f"scale{number}": step.scale, f"shift{number}": step.shift}
        return lines, arrays, width
    if isinstance(step, Activated):
        lines = [
            f"    for (int j = 0; j < {width}; j++) {{",
            f"        float x = {source}[j];",
            *_activated(step.activation, f"{target}[j]", target, width, name),
        ]
        return lines, {}, width
    if isinstance(step, Layer) and type(step) in COLUMN_LAYERS and len(step.input_shape) == 2:  # else of an ensemble
        return (*COLUMN_LAYERS[type(step)](step, number, source, target), step.output_shape[-1])
    layer = step if isinstance(step, Layer) else step.layer if isinstance(step, Convolution | Pooling) else None
    reason = "has no form in a C header, which holds chains of dense layers and of layers for tables"
    raise ConfigError(f"a product with members {reason}") if layer is None else refuse(layer, reason)


def _activated(function: Any, cell: str, target: str, width: int, name: str) -> list[str]:
    """The end of the loop over outputs: `cell` = activation(x)."""
    function = functions.Linear() if function is None else function
    kind = type(function)
    if kind is functions.Softmax and function.along_last_axis:
        return [f"        {cell} = x;", "    }", f"    {name}_softmax({target}, {width});"]
    bent = (kind is functions.ReLU and function.kernel_code() is None) or (
        kind is functions.GELU and function.approximate
    )
    if kind not in FORMULAS or bent:
        there = ", ".join(activation.__name__ for activation in FORMULAS)
        raise ConfigError(
            f"activation {kind.__name__} has no form in a C header with these arguments; there are {there}, Softmax"
        )
    return [f"        {cell} = {FORMULAS[kind](function)};", "    }"]


def _number(value: float) -> str:
    """A float32 literal that reads back as the same number."""
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    text = f"{value:.9g}"
    return f"{text}f" if any(mark in text for mark in ".e") else f"{text}.0f"


def _table(name: str, array: np.ndarray) -> str:
    """An array of integers or of float32 numbers."""
    if array.dtype.kind == "i":
        kind, numbers = "int", list(map(str, array.ravel().tolist()))
    else:
        kind, numbers = "float", list(map(_number, array.astype(np.float32).ravel().tolist()))
    lines = [", ".join(numbers[start : start + 8]) for start in range(0, len(numbers), 8)]
    return f"static const {kind} {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(lines) + "\n};\n"
