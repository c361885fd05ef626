"""Parts that normalizations share: axes, moments, scale and center."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Broadcast, Diagonal, MaskedStandardize, Rearrange, Standardize
from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.together import Sums

__all__ = []


def checked_axes(layer: Any, axis: int | Sequence[int], input_shape: BatchShape) -> list[int]:
    """`axis` counted from the left, in order; `ConfigError` unless its axes follow the batch and have known lengths."""
    rank = len(input_shape)
    axes = sorted(number + rank if number < 0 else number for number in np.atleast_1d(axis).tolist())
    for number in axes:
        if not 1 <= number < rank or input_shape[number] is None or axes.count(number) > 1:
            raise ConfigError(f"{layer.label}: axis {axis} does not name features of inputs {input_shape}")
    return axes


def add_scale_and_center(layer: Any, shape: BatchShape) -> None:
    """Create gamma and beta according to the layer's `scale` and `center`; the attributes of absent ones are None."""
    layer.gamma = layer.beta = None
    if layer.scale:
        layer.gamma = layer.add_weight(
            shape,
            layer.gamma_initializer,
            regularizer=layer.gamma_regularizer,
            constraint=layer.gamma_constraint,
            name="gamma",
        )
    if layer.center:
        layer.beta = layer.add_weight(
            shape,
            layer.beta_initializer,
            regularizer=layer.beta_regularizer,
            constraint=layer.beta_constraint,
            name="beta",
        )


def axes_from_left(axis: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """One axis or several, counted from the left, in order."""
    return tuple(sorted(number % rank for number in ((axis,) if isinstance(axis, int) else axis)))


def counted_entries(layer: Any, mask: np.ndarray | None, inputs: Array) -> np.ndarray:
    """The weight of each entry: `mask`, of booleans or numbers >= 0, broadcast along the first axes of `inputs`."""
    mask = np.asarray(mask)
    stretched = mask.ndim <= inputs.ndim and all(map(_stretches, mask.shape, inputs.shape))
    if mask.dtype.kind not in "biuf" or not stretched or (mask.dtype.kind != "b" and not np.all(mask >= 0)):
        raise ShapeError(
            f"{layer.label} needs a mask of booleans, or of weights >= 0, of the shape {inputs.shape[:-1]}, "
            f"got {mask.dtype} {mask.shape}"
        )
    counted = mask.astype(inputs.real.dtype).reshape(mask.shape + (1,) * (inputs.ndim - mask.ndim))
    return np.broadcast_to(counted, inputs.shape)


def _stretches(side: int, length: int) -> bool:
    return side in (1, length)


def to_last_axes(inputs: np.ndarray, axes: tuple[int, ...]) -> tuple[Rearrange, Rearrange]:
    """The maps that move `axes` to the end, in order, and back."""
    order = (*(axis for axis in range(inputs.ndim) if axis not in axes), *axes)
    back = tuple(np.argsort(order).tolist())
    moved_shape = tuple(inputs.shape[axis] for axis in order)
    return Rearrange(inputs.shape, moved_shape, order), Rearrange(moved_shape, inputs.shape, back)


def in_place(to_last: Rearrange) -> bool:
    """Whether the axes that `to_last_axes` moves to the end already are in place."""
    return to_last.axes == tuple(range(len(to_last.in_shape)))


def standardize(
    inputs: np.ndarray,
    axes: tuple[int, ...],
    epsilon: float,
    counted: np.ndarray | None = None,
    sums: Sums | None = None,
) -> tuple[np.ndarray, Jacobian, np.ndarray, np.ndarray]:
    """(inputs - mean) / sqrt(variance + epsilon) over `axes`: the result, its Jacobian, mean and variance.

    With `counted`, of the shape of the inputs, each entry has that weight in the moments; 0 leaves it out. With `sums`,
    the moments are those of all rows over which it sums.
    """
    if sums is not None:
        return _standardize_part(inputs, axes, epsilon, counted, sums)
    if counted is None:
        mean = inputs.mean(axis=axes, keepdims=True)
        centered = inputs - mean
        variance = (centered * centered).mean(axis=axes, keepdims=True)
    else:
        total = counted.sum(axis=axes, keepdims=True)
        shares = counted / np.where(total > 0, total, 1)
        mean = (inputs * shares).sum(axis=axes, keepdims=True)
        centered = inputs - mean
        variance = (centered * centered * shares).sum(axis=axes, keepdims=True)
    inverse_deviation = 1 / np.sqrt(variance + epsilon)
    standardized = centered * inverse_deviation
    if counted is None:
        by_inputs = Standardize(standardized, inverse_deviation, axes)
    else:
        by_inputs = MaskedStandardize(standardized, inverse_deviation, axes, shares)
    return standardized, by_inputs, mean, variance


def _standardize_part(
    inputs: np.ndarray, axes: tuple[int, ...], epsilon: float, counted: np.ndarray | None, sums: Sums
) -> tuple[np.ndarray, Jacobian, np.ndarray, np.ndarray]:
    """`standardize` of some rows of a batch, by the moments of all."""
    weights = np.ones((), inputs.dtype) if counted is None else counted
    counts = np.broadcast_to(weights, inputs.shape).sum(axis=axes, keepdims=True)
    count, total = sums(np.stack([counts, (inputs * weights).sum(axis=axes, keepdims=True)]))
    share = 1 / np.where(count > 0, count, 1)
    mean = total * share
    centered = inputs - mean
    variance = sums((centered * centered * weights).sum(axis=axes, keepdims=True)) * share
    inverse_deviation = 1 / np.sqrt(variance + epsilon)
    standardized = centered * inverse_deviation
    by_inputs = MaskedStandardize(standardized, inverse_deviation, axes, weights * share, sums)
    return standardized, by_inputs, mean, variance


def scale_and_center(
    layer: Any, standardized: Array, gamma_beta: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[Jacobian]]:
    """gamma * standardized + beta over the last axes: the result, the maps by standardized, gamma and beta."""
    gamma, beta = gamma_and_beta(layer, gamma_beta)
    outputs = standardized if gamma is None else standardized * gamma
    outputs = outputs if beta is None else outputs + beta
    return outputs, scale_and_center_maps(standardized, gamma, beta)


def gamma_and_beta(layer: Any, parameters: Sequence[np.ndarray]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The scale and the center of a normalization among its trainable parameters; None for a missing one."""
    remaining = list(parameters)
    gamma, beta = (remaining.pop(0) if there else None for there in (layer.scale, layer.center))
    return gamma, beta


def scale_and_center_maps(standardized: Array, gamma: np.ndarray | None, beta: np.ndarray | None) -> list[Jacobian]:
    """The maps of gamma * standardized + beta by standardized and, if present, gamma and beta."""
    shape = standardized.shape
    slopes = np.ones((), standardized.real.dtype) if gamma is None else gamma
    maps: list[Jacobian] = [Diagonal(slopes, shape, shape)]
    if gamma is not None:
        maps.append(Diagonal(standardized, gamma.shape, shape))
    if beta is not None:
        maps.append(Broadcast(beta.shape, shape))
    return maps
