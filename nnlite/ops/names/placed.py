"""Functions of `keras.ops` that select and rearrange entries by gathering."""

import builtins
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.errors import ConfigError
from nnlite.ops import functions as ops
from nnlite.ops.base import called
from nnlite.ops.names.arranging import ravel
from nnlite.ops.names.constants import as_floats, cast, convert_to_numpy, convert_to_tensor, dtype, lengths
from nnlite.ops.plain.places import chosen_axes
from nnlite.ops.plain.results import by_float32
from nnlite.ops.tracing import drawable

__all__ = [
    "array_split",
    "diag",
    "diagflat",
    "diagonal",
    "dsplit",
    "dstack",
    "extract_sequences",
    "fliplr",
    "flipud",
    "hsplit",
    "median",
    "pad",
    "percentile",
    "quantile",
    "rot90",
    "scatter",
    "scatter_update",
    "slice_update",
    "sort",
    "take_along_axis",
    "top_k",
    "trace",
    "trapezoid",
    "tril",
    "triu",
    "vsplit",
]

Axis = int | Shape | None
REDUCTIONS = {"add": ops.add, "max": ops.maximum, "min": ops.minimum, "mul": ops.multiply}
METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def gathered(x: Any, places: np.ndarray, fill: Any = None) -> Any:
    """The entries of x at these flat indices; `fill` where an index is -1."""
    flat = ravel(x)
    if fill is not None:
        flat = ops.concatenate([flat, np.full(1, fill, convert_to_numpy(flat).dtype)], 0)
        places = np.where(places < 0, lengths(flat)[0] - 1, places)
    return ops.reshape(ops.take(flat, places.ravel(), 0), places.shape)


def numbered(x: Any) -> np.ndarray:
    """The flat indices of the entries of x, in its shape."""
    shape = lengths(x)
    return np.arange(int(np.prod(shape))).reshape(shape)


def _moved(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy that only moves numbers."""

    @drawable
    @called("array" if function is np.rot90 else "x")
    @functools.wraps(function)
    def move(x: Any, *arguments: Any, **options: Any) -> Any:
        places = function(numbered(x), *arguments, **options)
        return [gathered(x, part) for part in places] if isinstance(places, list) else gathered(x, places)

    move.__doc__ = f"`numpy.{function.__name__}`."
    move.__module__ = __name__
    return move


rot90, fliplr, flipud, diagonal = _moved(np.rot90), _moved(np.fliplr), _moved(np.flipud), _moved(np.diagonal)
array_split, hsplit, vsplit, dsplit = _moved(np.array_split), _moved(np.hsplit), _moved(np.vsplit), _moved(np.dsplit)


@drawable
def diag(x: Any, k: int = 0) -> Any:
    """The k-th diagonal of a matrix, or the matrix with a vector as its diagonal."""
    return gathered(x, np.diag(numbered(x) + 1, k) - 1, 0)


@drawable
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with the entries of x as its k-th diagonal."""
    return gathered(x, np.diagflat(numbered(x) + 1, k) - 1, 0)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return ops.sum(diagonal(x, offset, axis1, axis2), -1)


@drawable
def tril(x: Any, k: int = 0) -> Any:
    """x with zeros above the k-th diagonal of its last two axes."""
    return gathered(x, np.tril(numbered(x) + 1, k) - 1, 0)


@drawable
def triu(x: Any, k: int = 0) -> Any:
    """x with zeros below the k-th diagonal of its last two axes."""
    return gathered(x, np.triu(numbered(x) + 1, k) - 1, 0)


@drawable
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Any:
    """x padded along each axis, as by `numpy.pad`.

    Args:
        pad_width: a number for all, or a pair of them for each axis.
        mode: `"constant"`, `"reflect"`, `"symmetric"`, `"edge"`, `"wrap"`.
        constant_values: what stands there, 0 by default; with `"constant"` alone.
    """
    if mode != "constant":
        if constant_values is not None:
            raise ConfigError(f"pad: constant_values goes with mode='constant', not with {mode!r}")
        return gathered(x, np.pad(numbered(x), pad_width, mode))  # type: ignore[call-overload]
    return gathered(x, np.pad(numbered(x), pad_width, constant_values=-1), constant_values or 0)


@drawable
def take_along_axis(x: Any, indices: ArrayLike, axis: int | None = None) -> Any:
    """The entries at integer `indices`, which have the axes of x, along `axis`; of the flattened array when None."""
    if axis is None:
        return ops.take(ravel(x), convert_to_numpy(indices).ravel(), 0)
    return gathered(x, np.take_along_axis(numbered(x), convert_to_numpy(indices), axis))


@drawable
def sort(x: Any, axis: int = -1) -> Any:
    """x sorted in ascending order along `axis`."""
    return take_along_axis(x, np.argsort(convert_to_numpy(x), axis, kind="stable"), axis)


@drawable
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Any, np.ndarray]:
    """The k largest entries along the last axis, in descending order, and their indices.

    Raises:
        ConfigError: k is negative, or larger than the last axis.
    """
    values = convert_to_numpy(x)
    if not 0 <= k <= values.shape[-1]:
        raise ConfigError(f"top_k: must be in [0, {values.shape[-1]}], got {k}", ("k",))
    rising = np.argsort(values[..., ::-1], -1, kind="stable")  # backwards, so that of equal ones the first comes first
    places = values.shape[-1] - 1 - rising[..., ::-1][..., :k]
    return take_along_axis(x, places, -1), places.astype(np.int32)


@drawable
def quantile(x: Any, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The q-quantiles along `axis`; several of them form the first axis.

    Args:
        q: in [0, 1].
        method: `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.

    Raises:
        ConfigError: another method.
    """
    if method not in METHODS:
        raise ConfigError(f"quantile: unknown method {method!r}; allowed: {', '.join(METHODS)}", ("method",))
    x = as_floats(x) if method in ("linear", "midpoint") else x
    rank = len(lengths(x))
    axes = builtins.sorted(chosen_axes(axis, rank))
    rest = [one for one in range(rank) if one not in axes]
    kept = [lengths(x)[one] for one in rest]
    rows = sort(ops.reshape(ops.transpose(x, (*rest, *axes)), (*kept, -1)), -1)
    if (unknown := np.isnan(convert_to_numpy(rows)[..., -1:])).any():  # NaN is sorted to the end
        rows = ops.where(unknown, np.nan, rows)
    parts = [_quantile(rows, share, method) for share in np.atleast_1d(convert_to_numpy(q)).tolist()]
    if keepdims:
        shape = tuple(1 if one in axes else lengths(x)[one] for one in range(rank))
        parts = [ops.reshape(part, shape) for part in parts]
    return ops.stack(parts, 0) if np.ndim(convert_to_numpy(q)) else parts[0]


def _quantile(rows: Any, share: float, method: str) -> Any:
    """One quantile of numbers in rising order along the last axis."""
    position = share * (lengths(rows)[-1] - 1)
    below, above = int(np.floor(position)), int(np.ceil(position))
    near = int(np.rint(position))
    weight = {"linear": position - below, "lower": 0.0, "higher": 1.0, "midpoint": 0.5}.get(method)
    if weight is None or below == above:
        return ops.take(rows, near if weight is None else below, -1)
    low, high = ops.take(rows, below, -1), ops.take(rows, above, -1)
    return ops.add(ops.multiply(low, 1 - weight), ops.multiply(high, weight))


def percentile(x: Any, q: ArrayLike, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """As `quantile`, with q in [0, 100]."""
    return quantile(x, np.asarray(convert_to_numpy(q)) / 100, axis, method, keepdims)


def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The median along `axis`, the mean of the two middle entries for an even number."""
    return quantile(x, 0.5, axis, "linear", keepdims)


@drawable
@by_float32
def trapezoid(y: Any, x: ArrayLike | None = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The integral along `axis` by the trapezoidal rule, at points `x` or at distances `dx`."""
    y = as_floats(y)
    length = lengths(y)[axis]
    rank, kind = len(lengths(y)), np.result_type(convert_to_numpy(y), np.float16)
    places = np.arange(length) * dx if x is None else convert_to_numpy(x)
    if places.ndim == 1:
        places = np.expand_dims(places, [one for one in range(rank) if one != axis % rank])
    widths = np.diff(places, axis=axis)
    nothing = np.zeros_like(widths, shape=tuple(np.where(np.arange(rank) == axis % rank, 1, widths.shape)))
    shares = (np.concatenate([widths, nothing], axis) + np.concatenate([nothing, widths], axis)) / 2
    return ops.sum(ops.multiply(y, shares.astype(kind)), axis)


@drawable
def dstack(xs: Sequence[Any]) -> Any:
    """Arrays concatenated along the third axis, which is added if missing."""
    shapes = [np.atleast_3d(numbered(x)).shape for x in xs]
    return ops.concatenate([ops.reshape(x, shape) for x, shape in zip(xs, shapes, strict=True)], 2)


@drawable
def slice_update(inputs: Any, start_indices: Sequence[int], updates: Any) -> Any:
    """`inputs` with the part that begins at `start_indices` replaced by `updates`, in the type of `inputs`."""
    places, inputs = numbered(inputs), convert_to_tensor(inputs)
    updates = cast(updates, dtype(inputs))
    starts = [int(start) for start in np.atleast_1d(convert_to_numpy(start_indices))]
    window = tuple(builtins.slice(start, start + size) for start, size in zip(starts, lengths(updates), strict=True))
    places[window] = places.size + numbered(updates)
    return gathered(ops.concatenate([ravel(inputs), ravel(updates)], 0), places)


@drawable
def scatter_update(inputs: Any, indices: ArrayLike, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with `updates` at `indices`, one row of indices per entry; or combined with the entries there.

    Args:
        reduction: None to replace, or `"add"`, `"max"`, `"min"`, `"mul"`, each entry once.

    Raises:
        ConfigError: another reduction.
    """
    if reduction not in (None, *REDUCTIONS):
        raise ConfigError(f"scatter_update: unknown reduction {reduction!r}; allowed: {', '.join(REDUCTIONS)}")
    where = tuple(np.moveaxis(np.asarray(convert_to_numpy(indices), np.intp), -1, 0))
    places, inputs = numbered(inputs), convert_to_tensor(inputs)
    chosen, updates = places[where], cast(updates, dtype(inputs))
    if reduction is not None:
        if reduction == "add":
            return ops.add(inputs, scatter(indices, updates, lengths(inputs)))
        updates = REDUCTIONS[reduction](gathered(inputs, chosen), updates)
    places[where] = places.size + numbered(updates)
    return gathered(ops.concatenate([ravel(inputs), ravel(updates)], 0), places)


@drawable
def scatter(indices: ArrayLike, values: Any, shape: Sequence[int]) -> Any:
    """Zeros of a shape with `values` added at `indices`, one row of indices per entry."""
    where = tuple(np.moveaxis(np.asarray(convert_to_numpy(indices), np.intp), -1, 0))
    chosen = np.arange(int(np.prod(shape))).reshape(shape)[where].reshape(-1)
    order = np.argsort(chosen, kind="stable")
    repeated = np.arange(len(order)) - np.searchsorted(chosen[order], chosen[order])  # how often an entry came before
    total: Any = None
    for turn in range(int(repeated.max(initial=0)) + 1):  # each entry once per pass
        places, now = np.full(int(np.prod(shape)), -1), order[repeated == turn]
        places[chosen[now]] = now
        part = gathered(values, places, 0)
        total = part if total is None else ops.add(total, part)
    return ops.reshape(total, tuple(shape))


@drawable
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows along the last axis with a given stride: `(..., steps) -> (..., windows, sequence_length)`."""
    windows = np.lib.stride_tricks.sliding_window_view(numbered(x), sequence_length, -1)
    return gathered(x, np.ascontiguousarray(windows[..., ::sequence_stride, :]))
