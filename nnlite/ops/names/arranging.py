"""Functions of `keras.ops` that rearrange arrays."""

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.constants import convert_to_numpy, dtype, lengths, not_equal, shape
from nnlite.ops.plain.places import chosen_axes
from nnlite.tree import flatten

__all__ = [
    "append",
    "diff",
    "flip",
    "get_item",
    "hstack",
    "moveaxis",
    "ravel",
    "repeat",
    "roll",
    "slice",
    "tile",
    "unstack",
    "vstack",
]

Axis = int | Shape | None

get_item = ops.getitem


def ravel(x: Any) -> Any:
    """The flattened array."""
    return ops.reshape(x, (-1,))


@ops.drawable
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """x with axes moved to other positions; the others keep their order."""
    rank = len(lengths(x))
    sources, targets = chosen_axes(source, rank), chosen_axes(destination, rank)
    order = [axis for axis in range(rank) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return ops.transpose(x, tuple(order))


@ops.drawable
def flip(x: Any, axis: Axis = None) -> Any:
    """x reversed along `axis`; along all axes when None."""
    for one in range(len(lengths(x))) if axis is None else np.atleast_1d(axis).tolist():
        x = ops.take(x, np.arange(lengths(x)[one])[::-1], one)
    return x


@ops.drawable
def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """x shifted along `axis`, or flattened when None; entries that leave at one end return at the other."""
    if not isinstance(axis, (int, np.integer, type(None))):
        for one, places in zip(axis, np.broadcast_to(shift, len(axis)).tolist(), strict=True):
            x = roll(x, places, one)
        return x
    if axis is None:
        return ops.reshape(roll(ravel(x), shift, 0), lengths(x))
    return ops.take(x, np.roll(np.arange(lengths(x)[axis]), shift), axis)


@ops.drawable
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """Each entry repeated along `axis`; of the flattened array when None."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return ops.take(x, np.repeat(np.arange(lengths(x)[axis]), repeats), axis)


@ops.drawable
def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """x repeated as a whole along each of the last axes."""
    counts = [int(count) for count in np.atleast_1d(convert_to_numpy(repeats))]
    padded = (1,) * (len(counts) - len(lengths(x))) + lengths(x)
    x = ops.reshape(x, padded)
    for axis, count in enumerate(counts, len(padded) - len(counts)):
        x = ops.take(x, np.tile(np.arange(padded[axis]), count), axis)
    return x


def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 after x1 along `axis`; both flattened when None."""
    return ops.concatenate([ravel(x1), ravel(x2)]) if axis is None else ops.concatenate([x1, x2], axis)


@ops.drawable
def hstack(xs: Sequence[Any]) -> Any:
    """Arrays concatenated along axis 1, or 0 if they have one axis."""
    return ops.concatenate(xs, 1 if len(lengths(xs[0])) > 1 else 0)


@ops.drawable
def vstack(xs: Sequence[Any]) -> Any:
    """Arrays concatenated along the first axis; a one-dimensional one counts as a row."""
    return ops.concatenate([x if len(lengths(x)) > 1 else ops.reshape(x, (1, -1)) for x in xs], 0)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The entries along `axis`, one by one; of a symbol whose length there is not known, the first `num`.

    Raises:
        ShapeError: no `num` where it is needed.
    """
    count = known_length(x, axis, "unstack without num") if num is None else num
    return [ops.take(x, index, axis) for index in range(count)]


def known_length(x: Any, axis: int, purpose: str) -> int:
    """The length of an axis; `ShapeError` for that of a symbol which may have any, since `purpose` needs it."""
    length = shape(x)[chosen_axes(axis, len(shape(x)))[0]]
    if length is None:
        raise ShapeError(f"{purpose} needs a known length of axis {axis}, got {x!r}")
    return length


def of_unknown_length(xs: Any, axis: int = 0) -> Any:
    """The first symbol among arrays whose length along `axis` is not known; None for none."""
    return next((x for x in flatten(xs) if tuple(shape(x))[axis:][:1] == (None,)), None)


@ops.drawable
def slice(inputs: Any, start_indices: Sequence[int], shape: Sequence[int]) -> Any:
    """The part of the given shape that begins at `start_indices`; a length of -1 stands for all that is left.

    Raises:
        ShapeError: a part that ends behind the end of an axis, or with more axes; negative lengths, or another number
            of them than of beginnings.
    """
    whole = lengths(inputs)
    if not len(start_indices) == len(shape) <= len(whole) or min(shape, default=0) < -1:
        raise ShapeError(f"slice of {whole} needs a length for each index, got {tuple(shape)}, {tuple(start_indices)}")
    rooms = [0 if start < 0 else known for start, known in zip(start_indices, whole, strict=False)]
    parts = zip(start_indices, shape, rooms, strict=True)
    ends = [room if length == -1 else start + length for start, length, room in parts]
    if any(end > room for end, room in zip(ends, rooms, strict=True)):
        raise ShapeError(f"slice of the shape {tuple(shape)} from {tuple(start_indices)} on exceeds {whole}")
    spans = zip(start_indices, ends, strict=True)
    return ops.getitem(inputs, tuple(builtins.slice(start, None if start < 0 == end else end) for start, end in spans))


@ops.drawable
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of adjacent entries along `axis`, `n` times; `ShapeError` for a negative `n`."""
    if n < 0:
        raise ShapeError(f"diff takes n >= 0, got {n}")
    for _ in range(n):
        length = lengths(a)[axis]
        later, earlier = (ops.take(a, np.arange(*ends), axis) for ends in ((1, length), (0, length - 1)))
        a = (not_equal if dtype(a) == "bool" else ops.subtract)(later, earlier)
    return a
