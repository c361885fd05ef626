"""Functions that move elements without changing them."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.jacobians import Broadcast, GatherRows, Jacobians, Rearrange, Segment, Slice as SliceJacobian
from nnlite.ops.base import Op, as_arrays, from_right

__all__ = ["BroadcastTo", "Concatenate", "Gather", "Reshape", "Slice", "Transpose"]


class Reshape(Op):
    """y = x in another shape; one entry of `shape` may be -1.

    >>> from nnlite.ops import Reshape
    >>> op = Reshape((2, -1))
    >>> op.forward([1.0, 2.0, 3.0, 4.0]).tolist(), op.backward([[1.0, 2.0], [3.0, 4.0]]).tolist()
    ([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0, 3.0, 4.0])
    """

    _keeps_integers = True

    shape: tuple[int, ...]

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = x.reshape(self.shape)
        return y, Jacobians(Rearrange(x.shape, y.shape))


class Transpose(Op):
    """y = x with its axes in the order `axes`, reversed by default.

    >>> import numpy as np
    >>> from nnlite.ops import Transpose
    >>> Transpose().forward([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).tolist()
    [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    >>> Transpose((0, 2, 1)).forward(np.ones((5, 2, 3))).shape
    (5, 3, 2)
    """

    _keeps_integers = True

    axes: tuple[int, ...] | None = None

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        axes = tuple(range(x.ndim - 1, -1, -1) if self.axes is None else self.axes)
        if sorted(axis + x.ndim if axis < 0 else axis for axis in axes) != list(range(x.ndim)):
            raise ShapeError(f"{self!r} needs axes that order those of its input, which has {x.ndim}")
        axes = tuple(axis % x.ndim for axis in axes)
        y = x.transpose(axes)
        return y, Jacobians(Rearrange(x.shape, y.shape, axes))


class BroadcastTo(Op):
    """y = x broadcast to `shape` by NumPy's rules.

    >>> from nnlite.ops import BroadcastTo
    >>> op = BroadcastTo((2, 3))
    >>> op.forward([[1.0], [2.0]]).tolist(), op.backward(1).tolist()
    ([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], [[3.0], [3.0]])
    """

    _keeps_integers = True

    shape: tuple[int, ...]

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.broadcast_to(x, self.shape)
        return y, Jacobians(Broadcast(x.shape, y.shape))


class Slice(Op):
    """y = x[index], for integers, slices, `...` and None.

    Args:
        index: as Python writes it, or spelled out: `Slice((slice(None), 0))` is `Slice(":, 0")`.

    >>> from nnlite.ops import Slice
    >>> op = Slice("1:")
    >>> op.forward([10.0, 20.0, 30.0]).tolist(), op.backward(1).tolist()
    ([20.0, 30.0], [0.0, 1.0, 1.0])
    """

    _keeps_integers = True

    index: Any

    def validate(self) -> None:
        self.index = self.index if isinstance(self.index, str) else spell_index(self.index)
        read_index(self.index)

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        full = self._one_per_axis(x)
        y = np.asarray(x[full])
        return y, Jacobians(SliceJacobian(full, x.shape, y.shape))

    def _one_per_axis(self, x):
        """The index without `...`, and with a slice for each axis that it leaves out."""
        index = read_index(self.index)
        missing = [slice(None)] * (x.ndim - sum(part is not None and part is not Ellipsis for part in index))
        position = index.index(Ellipsis) if Ellipsis in index else len(index)
        return (*index[:position], *missing, *index[position + 1 :])


def places_of(shape: Shape, index: Any) -> np.ndarray | None:
    """The flat indices of the entries of x[index] for an x of this shape; None for an index without arrays."""
    arrays = [np.ndim(part) > 0 for part in as_parts(index)]
    if not any(arrays):
        return None
    parts = [  # an empty list stays one: as an array it would be of floating-point numbers
        np.asarray(part) if is_array and len(part) else part
        for part, is_array in zip(as_parts(index), arrays, strict=True)
    ]
    return np.arange(math.prod(shape)).reshape(shape)[tuple(parts)]


def as_parts(index: Any) -> tuple:
    """An index as a tuple with an entry for each axis."""
    return index if isinstance(index, tuple) else (index,)


def spell_index(index: Any) -> str:
    """An index as a string, `":, 0"`, for saving; `ConfigError` for what is not an index."""
    spelled = []
    for part in as_parts(index):
        if isinstance(part, slice):
            step = "" if part.step is None else f":{part.step}"
            spelled.append(":".join("" if end is None else str(end) for end in (part.start, part.stop)) + step)
        elif part is None or (isinstance(part, (int, np.integer)) and not isinstance(part, bool)):
            spelled.append(str(part))
        elif part is Ellipsis:
            spelled.append("...")
        else:
            raise ConfigError(f"an index must be integers, slices, ..., None or arrays of them, got {part!r}")
    return ", ".join(spelled)


@functools.lru_cache(maxsize=1024)
def read_index(text: str) -> tuple:
    """The inverse of `spell_index`."""
    try:
        return tuple([_read_part(part.strip()) for part in text.split(",") if text.strip()])
    except ValueError:
        raise ConfigError(f"an index must be integers, slices, ... or None, got {text!r}") from None


def _read_part(part):
    if ":" in part:
        return slice(*[int(end) if end else None for end in part.split(":")])
    named = {"None": None, "...": Ellipsis}
    return named[part] if part in named else int(part)


class Concatenate(Op):
    """y = the inputs joined along `axis`; takes any number of arrays.

    >>> from nnlite.ops import Concatenate
    >>> op = Concatenate()
    >>> op.forward([1.0], [2.0, 3.0]).tolist(), [gradient.tolist() for gradient in op.backward([4.0, 5.0, 6.0])]
    ([1.0, 2.0, 3.0], [[4.0], [5.0, 6.0]])
    """

    _keeps_integers = True

    axis: int = -1

    def linearize(self, *arrays: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        y = np.concatenate(arrays, axis=self.axis)
        axis = from_right(self.axis, y.ndim)
        stops = np.cumsum([array.shape[axis] for array in arrays]).tolist()
        maps = [
            Segment(axis, stop - array.shape[axis], stop, array.shape, y.shape)
            for stop, array in zip(stops, arrays, strict=True)
        ]
        return y, Jacobians(*maps)


class Gather(Op):
    """y = x taken at integer `indices` along `axis`; the indices have no derivative (None).

    Shape: `(before, n, after), (places) -> (before, places, after)`.

    Raises:
        DataError: indices that are not integers in [0, n).

    >>> from nnlite.ops import Gather
    >>> op = Gather()
    >>> op.forward([10.0, 20.0, 30.0], [2, 0, 2]).tolist(), op.backward(1)[0].tolist()
    ([30.0, 10.0, 30.0], [1.0, 0.0, 2.0])
    """

    _keeps_integers = True
    _data_inputs = slice(1)

    axis: int = 0

    def _as_inputs(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        x, indices = inputs
        return [*as_arrays([x]), np.asarray(indices)]

    def linearize(self, x: np.ndarray, indices: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        axis = from_right(self.axis, x.ndim)
        whole = as_indices(indices, x.shape[axis], "Gather")
        y = np.take(x, whole, axis=axis)
        return y, Jacobians(GatherRows(whole, axis, x.shape, y.shape), None)


def as_indices(indices: np.ndarray, length: int, owner: object) -> np.ndarray:
    """`indices` as integers in [0, length), or `DataError` naming `owner` and the first invalid one."""
    if indices.dtype.kind not in "biuf":
        raise DataError(f"{owner} needs integers as indices, got an array of {indices.dtype}")
    whole = indices
    if indices.dtype.kind not in "iu":
        with np.errstate(invalid="ignore"):
            whole = indices.astype(np.intp)
        if not np.array_equal(whole, indices):
            raise DataError(f"{owner} needs integers as indices, got {indices[whole != indices].flat[0]}")
    if whole.size and (whole.min() < 0 or whole.max() >= length):
        offender = whole[(whole < 0) | (whole >= length)].flat[0]
        raise DataError(f"{owner} got index {offender}, allowed are 0 to {length - 1}")
    return whole
