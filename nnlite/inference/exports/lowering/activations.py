"""Activation functions as operators."""

from collections.abc import Callable
from typing import Any, cast

from nnlite.errors import ConfigError
from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lowers, nearest_form
from nnlite.layers import ELU, Activation, IsotonicCalibration, LeakyReLU, PReLU, ReLU, Softmax, TemperatureScaling
from nnlite.ops import activations as functions
from nnlite.ops.activations import ActivationFunction

__all__ = ["activate"]


def activate(function: functions.ActivationFunction | None, x: Value) -> Value:
    """Apply an activation function to a value; the value itself for None.

    Raises:
        ConfigError: a user-defined function, or one without a form in operators.
    """
    if function is None:
        return x
    made = ACTIVATIONS.get(type(function))
    if made is None:
        kind = type(cast(Any, function)).__name__
        hint = nearest_form(kind)
        raise ConfigError(f"activation {kind} has no form in this format{f'; nearest: {hint}' if hint else ''}")
    return made(x, function)


def _relu(x: Value, f: Any) -> Value:
    if f.threshold == 0 and f.negative_slope == 0:
        y = x.apply("Relu")
    else:
        y = x.graph.where(x > f.threshold, x, (x - f.threshold) * f.negative_slope)
    return y if f.max_value is None else y.apply("Min", f.max_value)


def _gelu(x: Value, f: Any) -> Value:
    if f.approximate:
        inner = (x + x * x * x * 0.044715) * 0.7978845608028654
        return x * 0.5 * (inner.apply("Tanh") + 1)
    return x * 0.5 * ((x * 0.7071067811865476).apply("Erf") + 1)


def _softplus(x: Value) -> Value:
    return x.apply("Relu") + ((-x.apply("Abs")).apply("Exp") + 1).apply("Log")


def _shrunk(x: Value, f: Any) -> Value:
    return x.graph.where(x.apply("Abs") > f.threshold, x, 0.0)


def _soft_shrunk(x: Value, f: Any) -> Value:
    return (x - f.threshold).apply("Relu") - (-x - f.threshold).apply("Relu")


def _sparse_plus(x: Value, _: Any) -> Value:
    bent = (x.clip(-1.0, 1.0) + 1) * 0.5
    return bent * bent + (x - 1).apply("Relu")


def _over_axes(op: str) -> Callable[[Value, Any], Value]:
    def made(x: Value, f: Any) -> Value:
        if isinstance(f.axis, int):
            return x.apply(op, axis=f.axis)
        shifted = x - x.reduce("Max", f.axis)
        total = shifted.apply("Exp").reduce("Sum", f.axis)
        return shifted.apply("Exp") / total if op == "Softmax" else shifted - total.apply("Log")

    return made


ACTIVATIONS: dict[type[ActivationFunction], Callable[[Value, Any], Value]] = {
    functions.Linear: lambda x, f: x,
    functions.ReLU: _relu,
    functions.ReLU6: lambda x, f: x.clip(0.0, 6.0),
    functions.LeakyReLU: lambda x, f: x.apply("LeakyRelu", alpha=f.negative_slope),
    functions.ELU: lambda x, f: x.apply("Elu", alpha=f.alpha),
    functions.CELU: lambda x, f: x.apply("Celu", alpha=f.alpha),
    functions.SELU: lambda x, f: x.apply("Selu", alpha=f.alpha, gamma=f.scale),
    functions.GELU: _gelu,
    functions.SiLU: lambda x, f: x * x.apply("Sigmoid"),
    functions.Mish: lambda x, f: x * _softplus(x).apply("Tanh"),
    functions.Sigmoid: lambda x, f: x.apply("Sigmoid"),
    functions.Tanh: lambda x, f: x.apply("Tanh"),
    functions.Softplus: lambda x, f: _softplus(x),
    functions.LogSigmoid: lambda x, f: -_softplus(-x),
    functions.Squareplus: lambda x, f: (x + (x * x + f.b).apply("Sqrt")) * 0.5,
    functions.TanhShrink: lambda x, f: x - x.apply("Tanh"),
    functions.Softsign: lambda x, f: x.apply("Softsign"),
    functions.HardSigmoid: lambda x, f: (x + 3).clip(0.0, 6.0) / 6,
    functions.HardTanh: lambda x, f: x.clip(-1.0, 1.0),
    functions.HardSiLU: lambda x, f: x * ((x + 3).clip(0.0, 6.0) / 6),
    functions.HardShrink: _shrunk,
    functions.SoftShrink: _soft_shrunk,
    functions.SparsePlus: _sparse_plus,
    functions.SparseSigmoid: lambda x, f: (x.clip(-1.0, 1.0) + 1) * 0.5,
    functions.Threshold: lambda x, f: x.graph.where(x > f.threshold, x, f.default_value),
    functions.Exp: lambda x, f: x.apply("Exp"),
    functions.Softmax: _over_axes("Softmax"),
    functions.LogSoftmax: _over_axes("LogSoftmax"),
}


@lowers(Activation, ReLU, LeakyReLU, ELU, Softmax)
def _layer(layer: Any, x: Value) -> Value:
    return activate(layer.activation, x)


@lowers(PReLU)
def _prelu(layer: Any, x: Value) -> Value:
    (alpha,) = layer.values
    return x.apply("Relu") - (-x).apply("Relu") * alpha


@lowers(TemperatureScaling)
def _temperature(layer: Any, x: Value) -> Value:
    scaled, exclusive = x / layer.temperature, layer.activation == "softmax"
    shares = scaled.apply("Softmax", axis=-1) if exclusive else scaled.apply("Sigmoid")
    return blurred(shares, layer.blur, layer.output_shape[-1] if exclusive else 2)


@lowers(IsotonicCalibration)
def _isotonic(layer: Any, x: Value) -> Value:
    low, steepness, rise, start = layer.pieces()
    pieces = ((x.reshape(0, len(low), 1) - low) * steepness).clip(0.0, 1.0) * rise
    shares = pieces.reduce("Sum", (-1,), keepdims=False) + start
    if layer.exclusive:
        shares = x.graph.where(shares.reduce("Sum", (-1,)) > 0.0, shares, 1.0)
        shares = shares / shares.reduce("Sum", (-1,))
    return blurred(shares, layer.blur, len(low) if layer.exclusive else 2)


def blurred(shares: Value, blur: float, choices: int) -> Value:
    """Probabilities blended with the uniform distribution over this many classes."""
    return shares * (1 - blur) + blur / choices if blur else shares
