"""Images sampled at other positions: given coordinates, affine and perspective maps, scaling and translation."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.image.sizes import axis_of_channels, floating
from nnlite.ops.interpolation import KERNELS, folded
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.names.constants import convert_to_numpy, lengths
from nnlite.ops.names.placed import gathered, numbered
from nnlite.ops.names.products import tensordot
from nnlite.ops.tracing import drawable

__all__ = ["affine_transform", "map_coordinates", "perspective_transform", "scale_and_translate"]

FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
ORDERS = {"nearest": 0, "bilinear": 1}


def _inside(places: np.ndarray, length: int, mode: str) -> np.ndarray:
    """Integer places inside of an axis, -1 for those outside of it that are constant."""
    inside = folded(places, length, mode)
    return np.where(inside == places, inside, -1) if mode == "constant" else inside


@drawable
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0
) -> Any:
    """Values of an array interpolated at fractional coordinates.

    Args:
        inputs: of any shape.
        coordinates: `(axes of inputs, ...)`; they have no derivative.
        order: 0 takes the nearest place, 1 interpolates linearly.
        fill_mode: what is outside: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: that constant.

    Shape: `(axes, ...) -> (...)`.
    """
    if order not in (0, 1):
        raise ConfigError(f"must be 0 or 1, got {order}", ("order",))
    if fill_mode not in FILLS:
        raise ConfigError(f"must be one of {', '.join(FILLS)}, got {fill_mode!r}", ("fill_mode",))
    shape, where = lengths(inputs), [np.asarray(convert_to_numpy(one)) for one in coordinates]
    if len(where) != len(shape):
        raise ShapeError(f"coordinates must be (axes, ...), here ({len(shape)}, ...), got {len(where)}")
    numbers, kind = numbered(inputs), np.real(convert_to_numpy(inputs)).dtype
    taps = []
    for position, length in zip(where, shape, strict=True):
        below = np.floor(position) if order else np.round(position)
        near = (
            [(below, 1 - (position - below)), (below + 1, position - below)]
            if order
            else [(below, np.ones(position.shape))]
        )
        taps.append([(_inside(index.astype(np.intp), length, fill_mode), weight) for index, weight in near])
    total: Any = None
    for corner in itertools.product(*taps):
        index, weights = zip(*corner, strict=True)
        outside = np.any([one < 0 for one in index], axis=0)
        places = np.where(outside, -1, numbers[tuple(np.where(one < 0, 0, one) for one in index)])
        part = gathered(inputs, places, fill_value if outside.any() else None)
        if order:
            part = ops.multiply(part, np.prod(weights, axis=0).astype(kind if kind.kind == "f" else np.float32))
        total = part if total is None else ops.add(total, part)
    return total if kind.kind == "f" else np.round(total).astype(kind)


def each_image(images: Any, data_format: str | None, read: Callable[..., Any], maps: np.ndarray) -> Any:
    """`read(image, *numbers of its map)` of each image, channels last; the result has the original layout.

    `maps` has a row for each image, or one for all.
    """
    channels = axis_of_channels(data_format)
    rows = moveaxis(images, channels, -1)
    single = len(lengths(rows)) == 3
    rows = ops.expand_dims(rows, 0) if single else rows
    count = lengths(rows)[0]
    if len(maps) not in (1, count):
        raise ShapeError(f"there must be one map, or one for each image, got {len(maps)} for {count}")
    numbers = np.broadcast_to(maps, (count, maps.shape[1]))
    parts = [read(ops.getitem(rows, number), *row) for number, row in enumerate(numbers)]
    result = moveaxis(ops.stack(parts, 0), -1, channels)
    return ops.squeeze(result, 0) if single else result


def read_at(image: Any, rows: np.ndarray, columns: np.ndarray, order: int, mode: str, fill: float) -> Any:
    """An image `(height, width, channels)` sampled at positions `(new height, new width)`."""
    channels = np.broadcast_to(np.arange(lengths(image)[-1]), (*rows.shape, lengths(image)[-1]))
    where = [np.broadcast_to(one[..., None], channels.shape) for one in (rows, columns)]
    return map_coordinates(image, [*where, channels], order, mode, fill)


def order_of(interpolation: str) -> int:
    if interpolation not in ORDERS:
        raise ConfigError(f"must be 'nearest' or 'bilinear', got {interpolation!r}", ("interpolation",))
    return ORDERS[interpolation]


@drawable
def affine_transform(
    images: Any,
    transform: ArrayLike,
    interpolation: Literal["bilinear", "nearest"] = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images under affine maps: the pixel at (x, y) is read at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    Args:
        images: with or without a batch.
        transform: `(8,)`, or one for each image: a0, a1, a2, b0, b1, b2 and two zeros; it has no derivative.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode, fill_value: as of `map_coordinates`.
        data_format: where the channels are; that of `config` when None.
    """
    maps, order = np.atleast_2d(convert_to_numpy(transform)), order_of(interpolation)
    if maps.shape[1:] != (8,):
        raise ShapeError(f"a map of images has eight numbers, got an array of shape {maps.shape}")

    def read(image: Any, a0: float, a1: float, a2: float, b0: float, b1: float, b2: float, *zeros: float) -> Any:
        height, width, _ = lengths(image)
        y, x = np.mgrid[:height, :width]
        return read_at(image, b0 * x + b1 * y + b2, a0 * x + a1 * y + a2, order, fill_mode, fill_value)

    return each_image(images, data_format, read, maps)


def homography(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The eight numbers of the projective map from each of four points of `end` to that of `start`."""
    rows, targets = [], []
    for (x, y), (u, v) in zip(start, end, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        targets += [x, y]
    try:
        return np.linalg.solve(np.array(rows, np.float64), np.array(targets, np.float64))
    except np.linalg.LinAlgError:
        raise DataError(f"of four points of a perspective no three may lie on a line, got {end.tolist()}") from None


@drawable
def perspective_transform(
    images: Any,
    start_points: ArrayLike,
    end_points: ArrayLike,
    interpolation: Literal["bilinear", "nearest"] = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images in perspective: four `start_points`, (x, y) each, are moved to `end_points`.

    Args:
        images: with or without a batch.
        start_points, end_points: `(4, 2)`, or one such array for each image; they have no derivative.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what is outside of the images.
        data_format: where the channels are; that of `config` when None.
    """
    start, end = (np.asarray(convert_to_numpy(points), np.float64) for points in (start_points, end_points))
    if start.shape[-2:] != (4, 2) or start.shape != end.shape:
        raise ShapeError(f"points must be (4, 2) or (batch, 4, 2), got {start.shape} and {end.shape}")
    pairs, order = zip(start.reshape(-1, 4, 2), end.reshape(-1, 4, 2), strict=True), order_of(interpolation)
    maps = np.array([homography(*pair) for pair in pairs])

    def read(image: Any, *numbers: float) -> Any:
        height, width, _ = lengths(image)
        y, x = np.mgrid[:height, :width]
        a0, a1, a2, b0, b1, b2, c0, c1 = numbers
        depth = c0 * x + c1 * y + 1
        rows, columns = (b0 * x + b1 * y + b2) / depth, (a0 * x + a1 * y + a2) / depth
        return read_at(image, rows, columns, order, "constant", fill_value)

    return each_image(images, data_format, read, maps)


@drawable
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: ArrayLike,
    translation: ArrayLike,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """Images scaled by `scale`, then shifted by `translation`, along some axes.

    Args:
        images: of any shape.
        output_shape: that of the result.
        scale, translation: a number for each axis of `spatial_dims`; they have no derivative.
        spatial_dims: those axes.
        method: `"linear"`, `"cubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: whether more pixels are mixed where images get smaller.
    """
    kernel = {"linear": "bilinear", "trilinear": "bilinear", "cubic": "bicubic", "tricubic": "bicubic"}
    known = kernel.get(method, method)
    if known not in KERNELS:
        raise ConfigError(f"must be linear, cubic, lanczos3 or lanczos5, got {method!r}", ("method",))
    rows, factors, shifts = floating(images), np.ravel(convert_to_numpy(scale)), np.ravel(convert_to_numpy(translation))
    kind, rank = np.real(convert_to_numpy(rows)).dtype, len(lengths(rows))
    if len(output_shape) != rank:
        raise ShapeError(f"output_shape must have {rank} lengths, as the images have, got {tuple(output_shape)}")
    for axis, factor, shift in zip(spatial_dims, factors, shifts, strict=True):
        length, wanted = lengths(rows)[axis], output_shape[axis]
        centers = (np.arange(wanted) + 0.5 - shift) / factor - 0.5
        weights = KERNELS[known](
            np.abs(centers[:, None] - np.arange(length)) / (max(1 / factor, 1) if antialias else 1)
        )
        sums = weights.sum(1, keepdims=True)
        weights = np.where(np.abs(sums) > 1e-4, weights / np.where(sums == 0, 1, sums), 0)
        weights[(centers < -0.5) | (centers > length - 0.5)] = 0
        rows = moveaxis(tensordot(weights.astype(kind), rows, ([1], [axis % rank])), 0, axis)
    return rows
