"""Bounds on the outputs and slopes of a model of dense layers for all inputs in a box, by interval arithmetic."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import Array, ArrayLike
from nnlite.derivatives.intervals import (
    Flow,
    Interval,
    further_layers,
    has_turns,
    restored_slopes,
    scaled,
    slopes_within,
    through,
)
from nnlite.errors import ConfigError, ShapeError
from nnlite.inference.fold_constants import folded
from nnlite.layers.base.simplified import Activated, Affine, Product
from nnlite.training.trainable import Trainable

__all__ = ["BoxBounds", "box_bounds", "lipschitz_bound"]

FAR = 1e3  # beyond which no slope becomes larger, but that of Exp


class BoxBounds(NamedTuple):
    """Bounds in boxes, each valid at all points of its box.

    Attributes:
        low, high: of the outputs, `(boxes, outputs)`.
        slopes_low, slopes_high: of the derivatives of the outputs with respect to the inputs,
            `(boxes, inputs, outputs)`.
    """

    low: Array
    high: Array
    slopes_low: Array
    slopes_high: Array


def box_bounds(model: Trainable, low: ArrayLike, high: ArrayLike) -> BoxBounds:
    """Bounds on the outputs of a model and on their Jacobian for all inputs between `low` and `high`.

    Intervals go through the layers: with the positive and the negative part of a kernel, `[l, h]` becomes
    `[l K+ + h K-, h K+ + l K-]`, and that of the Jacobian is multiplied by the interval of the activation's slopes. The
    bounds hold for every point of the box, up to rounding in float64; how near they are depends on the box, of which
    several small ones tell more than a large one.

    Args:
        model: dense layers in a row, with scales and shifts (`Normalization`, `RobustScaling`, `Rescaling`), `Clip` and
            waves (`PeriodicEmbedding`) among them, as at inference; also of members side by side, behind `RepeatVector`
            and before their average, such as the `model_` of an estimator.
        low, high: `(inputs,)` for one box, or `(boxes, inputs)`; finite.

    Raises:
        ConfigError: another layer, or an activation with jumps, such as `Threshold`, or of a user.
        ShapeError: boxes of another width, with an end that is not finite, or a lower end above the upper one.

    Reference: Moore 1966, "Interval analysis"; Gowal et al. 2018, arXiv:1810.12715.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import MonotonicDense
    >>> model = Sequential([Input((2,)), MonotonicDense(4, "tanh", monotonicity=[1, -1]), MonotonicDense(1)], seed=0)
    >>> bounds = box_bounds(model, [-1, -1], [1, 1])
    >>> bool(bounds.slopes_low[0, 0, 0] > 0), bool(bounds.slopes_high[0, 1, 0] < 0)
    (True, True)
    """
    bottom, top = _boxes(model, low), _boxes(model, high)
    finite = np.isfinite(bottom).all() and np.isfinite(top).all()
    if bottom.shape != top.shape or not finite or not (bottom <= top).all():
        raise ShapeError("a box needs finite ends, the lower one at or below the upper one for each input")
    ones = np.broadcast_to(np.eye(bottom.shape[-1]), (len(bottom), bottom.shape[-1], bottom.shape[-1]))
    flow = Flow(Interval(bottom, top), Interval(ones, ones))
    for step in _steps(model):
        flow = through(step, flow)
    return BoxBounds(*flow.values, *flow.slopes)


def lipschitz_bound(model: Trainable) -> float:
    """A number L with `norm(f(x) - f(z)) <= L norm(x - z)` for all inputs x and z, the norms Euclidean.

    The product of the largest singular value of each kernel, the largest factor of each scale and the steepest slope of
    each activation; of members side by side, the largest counts. It is never too small, up to rounding, and often a few
    times too large. `box_bounds` tells more of a box.

    Args:
        model: as of `box_bounds`.

    Raises:
        ConfigError: as of `box_bounds`.

    Reference: Szegedy et al. 2014, arXiv:1312.6199, section 4.3.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((1,)), Dense(1, "sigmoid", kernel_initializer="ones")])
    >>> lipschitz_bound(model)
    0.25
    """
    return math.prod(_stretch(step) for step in _steps(model))


def _stretch(step: Any) -> float:
    """The largest factor by which a step takes two inputs apart."""
    for layer, stretch in _stretches().items():
        if isinstance(step, layer):
            return float(stretch(step))
    if isinstance(step, Affine):
        return float(np.abs(step.scale).max())
    factor = float(np.linalg.norm(step.kernel, 2, axis=(-2, -1)).max()) if isinstance(step, Product) else 1.0
    if step.activation is None:
        return factor
    slopes = slopes_within(step.activation, Interval(np.array([-FAR]), np.array([FAR])))
    return factor * float(np.abs(slopes).max())


def _stretches() -> dict[type, Callable[[Any], Any]]:
    """The layers that have no simpler form, and how far each takes two inputs apart."""
    from nnlite import layers  # here, since importing a model loads no rare layers

    return {
        layers.RobustScaling: lambda layer: scaled(layer, Interval(*(layer.steepest[None],) * 2))[1].high.max(),
        layers.Normalization: lambda layer: np.abs(restored_slopes(layer)).max(),
        layers.PeriodicEmbedding: _stretch_of_waves,
        layers.RepeatVector: lambda layer: math.sqrt(layer.n),
        layers.GlobalAveragePooling1D: lambda layer: 1 / math.sqrt(layer.input_shape[-2] or 1),
        layers.Clip: lambda layer: 1.0,
    }


def _stretch_of_waves(layer: Any) -> float:
    """An input and the mixtures of its waves move together: the root of the sum of their squared slopes."""
    frequency, _, kernel, _ = (value.astype(np.float64) for value in layer.values)
    steepest = (np.abs(kernel) * np.abs(2 * np.pi * frequency)[..., None]).sum(axis=-2)
    return math.sqrt(1 + (steepest**2).sum(axis=-1).max())


def _boxes(model: Trainable, ends: ArrayLike) -> Array:
    """Ends of boxes as `(boxes, inputs)` in float64."""
    boxes = np.atleast_2d(np.asarray(ends, np.float64))
    shape = model.input_shape
    if len(shape) != 2 or boxes.ndim != 2 or boxes.shape[1] != shape[1]:
        raise ShapeError(f"a box needs one number for each of the inputs {shape}, got {np.shape(ends)}")
    return boxes


def _steps(model: Trainable) -> list[Any]:
    """Steps of the model at inference; `ConfigError` where intervals do not go through a step."""
    line = model.chain.line
    if line is None:
        raise ConfigError("bounds go through layers in a row, and this model is a graph")
    steps: list[Any] = folded([stage.layer for stage in line])
    further = tuple(further_layers())
    for step in steps:
        if isinstance(step, further):
            continue
        if not isinstance(step, Affine | Activated | Product):
            raise ConfigError(f"bounds go through dense layers, scales and shifts, not through {step!r}")
        activation = None if isinstance(step, Affine) else step.activation
        if activation is not None and not has_turns(activation):
            raise ConfigError(
                f"bounds need an activation whose extremes are known, such as tanh, relu or mish; got {activation!r}"
            )
    return steps
