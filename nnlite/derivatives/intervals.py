"""Intervals of numbers and of their derivatives, taken through the layers of a model."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.layers.base.simplified import Affine, Product
from nnlite.ops import activations as functions
from nnlite.ops.activations import ActivationFunction

__all__ = ["Flow", "Interval", "further_layers", "has_turns", "restored_slopes", "scaled", "slopes_within", "through"]

NEAREST = np.finfo(np.float64).tiny
CIRCLE = 2 * np.pi


class Turns(NamedTuple):
    """Points where a function stops rising or falling; its extremes in an interval are there or at an end.

    Attributes:
        values: of the function.
        slopes: of its derivative; points on both sides of a jump.
    """

    values: tuple[float, ...]
    slopes: tuple[float, ...]


AT_0 = Turns((0.0,), (-NEAREST, 0.0, NEAREST))
TURNS: dict[type[ActivationFunction], Turns] = {
    **dict.fromkeys((functions.CELU, functions.ELU, functions.SELU, functions.Exp, functions.HardSigmoid), AT_0),
    **dict.fromkeys((functions.HardTanh, functions.LeakyReLU, functions.Linear, functions.LogSigmoid), AT_0),
    **dict.fromkeys((functions.ReLU, functions.ReLU6, functions.Sigmoid, functions.Softplus, functions.Softsign), AT_0),
    **dict.fromkeys((functions.SoftShrink, functions.SparsePlus, functions.SparseSigmoid), AT_0),
    **dict.fromkeys((functions.Squareplus, functions.Tanh, functions.TanhShrink), AT_0),
    functions.SiLU: Turns((-1.2784645427610738,), (-2.3993572805154677, 2.3993572805154677)),
    functions.Mish: Turns((-1.1924312145154952,), (-2.2563763963607931, 1.4905711794854285)),
    functions.GELU: Turns((-0.7517915246935645,), (-math.sqrt(2), math.sqrt(2))),
    functions.HardSiLU: Turns((-1.5,), (-3 - 2**-50, -3 + 2**-50, 3 - 2**-50, 3 + 2**-50)),
}
BY_TANH = Turns((-0.7524614220710163,), (-1.4185040087908284, 1.4185040087908284))  # an approximate GELU


class Interval(NamedTuple):
    """An elementwise interval between two arrays."""

    low: Array
    high: Array

    def times(self, kernel: Array) -> "Interval":
        """Products with a kernel, or with that of each member; tighter if all inputs have the same sign."""
        up, down = np.maximum(kernel, 0), np.minimum(kernel, 0)
        by = np.matmul if kernel.ndim == 2 else _by_members
        return Interval(by(self.low, up) + by(self.high, down), by(self.high, up) + by(self.low, down))

    def scaled(self, scale: Array) -> "Interval":
        """Products with a number for each feature."""
        ends = self.low * scale, self.high * scale
        return Interval(np.minimum(*ends), np.maximum(*ends))

    def shifted(self, shift: Array | None) -> "Interval":
        """Sums with a number for each feature; the interval itself if that is None."""
        return self if shift is None else Interval(self.low + shift, self.high + shift)

    def by(self, factors: "Interval") -> "Interval":
        """Elementwise products with those of another interval."""
        ends = [one * other for one in self for other in factors]
        return Interval(np.minimum.reduce(ends), np.maximum.reduce(ends))

    def each(self, change: Callable[[Array], Array]) -> "Interval":
        """Both ends, changed by a function that nowhere falls."""
        return Interval(change(self.low), change(self.high))


class Flow(NamedTuple):
    """Bounds of the values and derivatives of a model, layer by layer, for boxes of inputs.

    Attributes:
        values: `(boxes, *features)`.
        slopes: their derivatives with respect to the inputs, `(boxes, inputs, *features)`.
    """

    values: Interval
    slopes: Interval

    def bent(self, values: Interval, factors: Interval) -> "Flow":
        """After a function of each number, with its values and its slopes."""
        return Flow(values, self.slopes.by(factors.each(lambda end: end[:, None])))

    def each(self, change: Callable[[Array], Array]) -> "Flow":
        """After a linear function of the last two axes that nowhere falls."""
        return Flow(self.values.each(change), self.slopes.each(change))


def through(step: Any, flow: Flow) -> Flow:
    """The flow behind a step of a model at inference, one of those that `box_bounds` knows."""
    for layer, passed in further_layers().items():
        if isinstance(step, layer):
            return passed(step, flow)
    values, slopes = flow
    if isinstance(step, Affine):
        return Flow(values.scaled(step.scale).shifted(step.shift), slopes.scaled(step.scale))
    if isinstance(step, Product):
        flow = Flow(values.times(step.kernel).shifted(step.bias), slopes.times(step.kernel))
    activation = step.activation
    if activation is None:
        return flow
    reached = _extremes(lambda point: activation.linearize(point)[0], flow.values, _turns(activation).values)
    return flow.bent(reached, slopes_within(activation, flow.values))


def further_layers() -> dict[type, Callable[[Any, Flow], Flow]]:
    """The layers that have no simpler form, and how intervals go through them."""
    from nnlite import layers  # here, since importing a model loads no rare layers

    return {
        layers.RobustScaling: lambda layer, flow: flow.bent(*scaled(layer, flow.values)),
        layers.Normalization: _restored,
        layers.PeriodicEmbedding: _waved,
        layers.RepeatVector: lambda layer, flow: flow.each(lambda end: np.repeat(end[..., None, :], layer.n, axis=-2)),
        layers.GlobalAveragePooling1D: lambda layer, flow: flow.each(lambda end: end.mean(axis=-2)),
        layers.Clip: _clipped,
    }


def has_turns(activation: ActivationFunction) -> bool:
    """Whether an activation function has no jump, and its extremes are known: not that of a user's subclass."""
    jumps = isinstance(activation, functions.ReLU) and activation.threshold != 0
    return type(activation) in TURNS and not jumps


def slopes_within(activation: ActivationFunction, values: Interval) -> Interval:
    """The least and the largest slope in each interval."""
    with np.errstate(over="ignore"):
        return _extremes(lambda point: _slopes(activation, point), values, _turns(activation).slopes)


def _slopes(activation: ActivationFunction, points: Array) -> Any:
    return activation.linearize(points)[1].vjp(np.ones_like(points))[0]


def _turns(activation: ActivationFunction) -> Turns:
    by_tanh = isinstance(activation, functions.GELU) and activation.approximate
    return BY_TANH if by_tanh else TURNS[type(activation)]


def _extremes(function: Callable[[Array], Any], values: Interval, turns: tuple[float, ...]) -> Interval:
    """The least and the largest value of a function in each interval: at an end, or as near to a turn as it comes."""
    reached = [function(point) for point in (*values, *(np.clip(turn, *values) for turn in turns))]
    return Interval(np.minimum.reduce(reached), np.maximum.reduce(reached))


def scaled(layer: Any, values: Interval) -> tuple[Interval, Interval]:
    """The outputs of a `RobustScaling`, and the least and the largest slope in each interval."""
    statistics = [value.astype(np.float64) for value in layer.values]
    places = (*values, np.clip(layer.steepest, *values))
    (low, first), (high, last), (_, middle) = (layer.linearize(at, *statistics) for at in places)
    slopes: list[Any] = [jacobians.vjp(np.ones_like(low))[0] for jacobians in (first, last, middle)]
    return Interval(low, high), Interval(np.minimum(*slopes[:2]), np.maximum.reduce(slopes))


def _by_members(ends: Array, kernel: Array) -> Array:
    """`(..., members, features)` times `(members, features, units)`, member by member."""
    first = np.moveaxis(ends, -2, 0)
    products = np.matmul(first.reshape(len(kernel), -1, first.shape[-1]), kernel)
    return np.moveaxis(products.reshape(*first.shape[:-1], kernel.shape[-1]), 0, -2)


def restored_slopes(layer: Any) -> Any:
    """The constant slopes of a `Normalization`, `(1, *features)`."""
    point = np.zeros((1, *layer.input_shape[1:]))
    return layer.linearize(point, *(value.astype(np.float64) for value in layer.values))[1].vjp(np.ones_like(point))[0]


def _restored(layer: Any, flow: Flow) -> Flow:
    """Through a `Normalization` that is inverted, or of another axis than the last: both rise by constant slopes."""
    statistics = [value.astype(np.float64) for value in layer.values]
    reached = flow.values.each(lambda end: layer.linearize(end, *statistics)[0])
    slopes = np.broadcast_to(restored_slopes(layer), reached.low.shape)
    return flow.bent(reached, Interval(slopes, slopes))


def _clipped(layer: Any, flow: Flow) -> Flow:
    low, high = flow.values
    inside, met = (low >= layer.low) & (high <= layer.high), (low <= layer.high) & (high >= layer.low)
    slopes = Interval(inside.astype(np.float64), met.astype(np.float64))
    return flow.bent(flow.values.each(lambda end: np.clip(end, layer.low, layer.high)), slopes)


def _waved(layer: Any, flow: Flow) -> Flow:
    """Inputs, and beside them mixtures of waves: each wave goes through all that it takes within its interval."""
    frequency, phase, kernel, bias = (value.astype(np.float64) for value in layer.values)
    places = list(layer.chosen_columns(layer.input_shape))
    columns = flow.values.each(lambda end: end[..., places, None])
    angles = columns.scaled(CIRCLE * frequency).shifted(phase)
    waves = _cosines(angles)
    bends = _cosines(angles.shifted(np.array(np.pi / 2))).scaled(CIRCLE * frequency)  # -sin(a) is cos(a + pi / 2)
    mixed, slopes = (_mixed(interval, kernel) for interval in (waves, bends))
    inner = flow.slopes.each(lambda end: end[..., places, None])
    slopes = inner.by(slopes.each(lambda end: end[:, None]))
    return Flow(_beside(flow.values, mixed.shifted(bias)), _beside(flow.slopes, slopes))


def _cosines(angles: Interval) -> Interval:
    """The least and the largest cosine of angles in each interval."""
    ends = [np.cos(end) for end in angles]
    top = np.ceil(angles.low / CIRCLE) * CIRCLE <= angles.high
    bottom = (np.ceil(angles.low / CIRCLE - 0.5) + 0.5) * CIRCLE <= angles.high
    return Interval(np.where(bottom, -1.0, np.minimum(*ends)), np.where(top, 1.0, np.maximum(*ends)))


def _mixed(waves: Interval, kernel: Array) -> Interval:
    """Waves, `(..., columns, frequencies)`, by a kernel `(..., columns, frequencies, outputs)`."""
    rows = waves.each(lambda end: end[..., None, :])
    up, down = np.maximum(kernel, 0), np.minimum(kernel, 0)
    low, high = rows.low @ up + rows.high @ down, rows.high @ up + rows.low @ down
    return Interval(low[..., 0, :], high[..., 0, :])


def _beside(first: Interval, mixed: Interval) -> Interval:
    """Features, and behind them those of each column in turn."""
    width = math.prod(mixed.low.shape[-2:])
    flat = mixed.each(lambda end: end.reshape(*end.shape[:-2], width))
    return Interval(*(np.concatenate(ends, axis=-1) for ends in zip(first, flat, strict=True)))
