"""Reductions of `keras.ops` beyond sums and means: products, ranges, and those that ignore NaN."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape, dtype_of
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.arranging import ravel
from nnlite.ops.names.constants import as_axes, as_floats, cast, convert_to_numpy, convert_to_tensor, lengths
from nnlite.ops.plain.places import chosen_axes
from nnlite.ops.plain.results import by_float32
from nnlite.ops.tracing import Traced, drawable

__all__ = [
    "cumprod",
    "cumsum",
    "kron",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
    "prod",
    "ptp",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "vander",
]

Axis = int | Shape | None


@drawable
@by_float32
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: str | None = None) -> Any:
    """The product over `axis`; its derivative consists of products too, so that zeros do no harm."""
    if not isinstance(x, Traced):
        values = np.asarray(convert_to_tensor(x))
        return np.prod(values, as_axes(axis), dtype_of(dtype or _summed(values.dtype)), keepdims=keepdims)
    rank = x.ndim
    axes = sorted(chosen_axes(axis, rank))
    rest = [one for one in range(rank) if one not in axes]
    kept, count = [x.shape[one] for one in rest], int(np.prod([x.shape[one] for one in axes]))
    shape = tuple(1 if one in axes else x.shape[one] for one in range(rank)) if keepdims else tuple(kept)
    if not count:
        return np.ones(shape, x.dtype)
    rows = ops.reshape(ops.transpose(x, (*rest, *axes)), (*kept, count))
    while (count := rows.shape[-1]) > 1:  # pairs of factors, so that few products are recorded
        pairs = [ops.take(rows, first + 2 * np.arange(count // 2), -1) for first in (0, 1)]
        odd = [ops.take(rows, np.array([count - 1]), -1)] if count % 2 else []
        rows = ops.concatenate([ops.multiply(*pairs), *odd], -1)
    return ops.reshape(rows, shape)


@drawable
@by_float32
def cumsum(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Cumulative sums along `axis`; of the flattened array when None."""
    if not isinstance(x, Traced):
        values = np.asarray(convert_to_tensor(x))
        return np.cumsum(values, axis, dtype_of(dtype or (np.int32 if values.dtype == bool else values.dtype)))
    x, axis = (ravel(x), 0) if axis is None else (x, axis % x.ndim)
    order = [one for one in range(x.ndim) if one != axis] + [axis]
    upper = np.triu(np.ones((x.shape[axis],) * 2, x.dtype))
    rows = ops.reshape(ops.transpose(x, tuple(order)), (-1, x.shape[axis]))
    sums = ops.reshape(ops.matmul(rows, upper), tuple(x.shape[one] for one in order))
    return ops.transpose(sums, tuple(np.argsort(order).tolist()))


@drawable
@by_float32
def cumprod(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Cumulative products along `axis`; of the flattened array when None."""
    if not isinstance(x, Traced):
        values = np.asarray(convert_to_tensor(x))
        return np.cumprod(values, axis, dtype_of(dtype or (np.int32 if values.dtype == bool else values.dtype)))
    x, axis = (ravel(x), 0) if axis is None else (x, axis % x.ndim)
    length, step = x.shape[axis], 1
    while step < length:  # products of `step` factors, then of twice as many
        parts = [ops.take(x, np.arange(*ends), axis) for ends in ((0, step), (step, length), (0, length - step))]
        x, step = ops.concatenate([parts[0], ops.multiply(parts[1], parts[2])], axis), 2 * step
    return x


def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The maximum minus the minimum over `axis`."""
    return ops.subtract(ops.max(x, axis, keepdims), ops.min(x, axis, keepdims))


def _filled(x: Any, value: float) -> tuple[Any, np.ndarray]:
    """x with NaN replaced by a number, and a mask of the numbers."""
    x = convert_to_tensor(x)
    is_present = ~np.isnan(convert_to_numpy(x))
    return ops.where(is_present, x, np.asarray(value, convert_to_numpy(x).dtype)), is_present


def _summed(kind: np.dtype) -> np.dtype:
    """The type in which numbers of a type are added up or multiplied: that type, for integers one with room."""
    return np.dtype("uint32" if kind.kind == "u" else "int32") if kind.kind in "biu" and kind.itemsize < 4 else kind


@drawable
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum without NaN."""
    return ops.sum(_filled(x, 0.0)[0], axis, keepdims)


@drawable
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product without NaN."""
    return prod(_filled(x, 1.0)[0], axis, keepdims)


@drawable
def nancumsum(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Cumulative sums along `axis`, NaN counting as 0; of the flattened array when None."""
    return cumsum(_filled(x, 0.0)[0], axis, dtype)


@drawable
def nancumprod(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Cumulative products along `axis`, NaN counting as 1; of the flattened array when None."""
    return cumprod(_filled(x, 1.0)[0], axis, dtype)


@drawable
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The maximum without NaN; NaN if there is nothing else."""
    return _extreme(ops.max, x, -np.inf, axis, keepdims)


@drawable
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The minimum without NaN; NaN if there is nothing else."""
    return _extreme(ops.min, x, np.inf, axis, keepdims)


def _extreme(reduce: Callable[..., Any], x: Any, bound: float, axis: Axis, keepdims: bool) -> Any:
    if not np.isnan(convert_to_numpy(x)).any():  # integers have no infinity either
        return reduce(x, axis, keepdims)
    filled, is_present = _filled(x, bound)
    return ops.where(is_present.any(axis, keepdims=keepdims), reduce(filled, axis, keepdims), np.nan)


@drawable
def nanmean(x: Any, axis: Axis | list[int] = None, keepdims: bool = False) -> Any:
    """The mean without NaN."""
    x, axis = as_floats(x), as_axes(axis)
    filled, is_present = _filled(x, 0.0)
    count = is_present.sum(axis, keepdims=keepdims)
    return ops.divide(ops.sum(filled, axis, keepdims), count.astype(convert_to_numpy(x).dtype))


@drawable
def nanvar(x: Any, axis: Axis | list[int] = None, keepdims: bool = False) -> Any:
    """The biased variance without NaN."""
    x, axis = as_floats(x), as_axes(axis)
    filled, is_present = _filled(x, 0.0)
    apart = ops.where(is_present, ops.subtract(filled, nanmean(x, axis, True)), 0.0)
    count = is_present.sum(axis, keepdims=keepdims)
    return ops.divide(ops.sum(ops.square(apart), axis, keepdims), count.astype(convert_to_numpy(x).dtype))


def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The square root of `nanvar`."""
    return ops.sqrt(nanvar(x, axis, keepdims))


def _segments(rows: int, segment_ids: ArrayLike, num_segments: int | None) -> tuple[np.ndarray, int]:
    ids = np.asarray(convert_to_numpy(segment_ids))
    if ids.shape != (rows,):
        raise ShapeError(f"segment_ids has a number for each of {rows} rows, got the shape {ids.shape}")
    return ids, num_segments if num_segments is not None else int(ids.max(initial=-1)) + 1


def _by_segment(reduce: Callable[..., Any], empty: float, text: str) -> Callable[..., Any]:
    """A reduction of the rows of each segment; `empty` is that of none."""

    @drawable
    def compute(data: Any, segment_ids: ArrayLike, num_segments: int | None = None, sorted: bool = False) -> Any:
        ids, count = _segments(lengths(data)[0], segment_ids, num_segments)
        dtype = convert_to_tensor(data).dtype
        whole = dtype.kind in "iu" and np.isinf(empty)
        bound = (np.iinfo(dtype).max if empty > 0 else np.iinfo(dtype).min) if whole else empty
        nothing = np.full(lengths(data)[1:], bound, dtype)
        chosen = [np.flatnonzero(ids == segment) for segment in range(count)]
        reduced = [reduce(ops.take(data, rows, 0), 0) if len(rows) else nothing for rows in chosen]
        return cast(ops.stack(reduced, 0), dtype.name) if reduced else np.zeros((0, *nothing.shape), dtype)

    compute.__doc__ = text
    compute.__module__ = __name__
    return compute


segment_max = _by_segment(ops.max, -np.inf, "The largest numbers of the rows of each segment.")
segment_min = _by_segment(ops.min, np.inf, "The smallest numbers of the rows of each segment.")
segment_sum = _by_segment(ops.sum, 0.0, "The sums of the rows of each segment: `(rows, ...) -> (num_segments, ...)`.")
segment_prod = _by_segment(prod, 1.0, "The products of the rows of each segment.")


@drawable
def kron(x1: Any, x2: Any) -> Any:
    """The Kronecker product: each entry of x1 times all of x2."""
    rank = max(len(lengths(x1)), len(lengths(x2)))
    first, second = ((1,) * (rank - len(lengths(x))) + lengths(x) for x in (x1, x2))
    product = ops.multiply(ops.expand_dims(ravel(x1), 1), ops.expand_dims(ravel(x2), 0))
    order = [axis for pair in zip(range(rank), range(rank, 2 * rank), strict=True) for axis in pair]
    shape = tuple(one * other for one, other in zip(first, second, strict=True))
    return ops.reshape(ops.transpose(ops.reshape(product, (*first, *second)), tuple(order)), shape)


@drawable
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers of each entry as a row, descending from N - 1 to 0, or ascending."""
    count = lengths(x)[0] if N is None else N
    if count < 0:
        raise ConfigError(f"must be >= 0, got {N}", ("vander", "N"))
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    return ops.power(ops.expand_dims(x, 1), powers.astype(convert_to_tensor(x).dtype))
