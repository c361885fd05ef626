"""The contract of a structured Jacobian."""

import functools
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, cast

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.charts import html_table, notebook, number_text
from nnlite.config import dense_limit
from nnlite.errors import DataError, ShapeError

__all__ = ["Jacobian"]

BLOCK = 2**20  # numbers in one block of seeds of `todense`
HEAD = ("map", "kind", "shape", "kept", "if dense", "norm")
MOST_MEASURED = 2**22  # entries of a map whose norm is computed for display
MOST_LINES = 200

Line = tuple[str, str, str, str, str, str]


class Jacobian:
    """The derivative of one output with respect to one input, as a linear map between arrays.

    Rows are indexed by the output, columns by the input: `todense()` has the shape `out_shape + in_shape`.
    Subclasses store what determines the map and write the two products:

    - `vjp(cotangent)`: `(*seeds, *out_shape) -> (*seeds, *in_shape)`, the vector-Jacobian product of reverse mode;
    - `jvp(tangent)`: `(*seeds, *in_shape) -> (*seeds, *out_shape)`, the Jacobian-vector product of forward mode.

    Leading seed axes are free: a map counts its axes from the right. Products are bilinear without complex
    conjugation, so complex steps pass through. A result may be a read-only view.
    """

    __slots__ = ("in_shape", "out_shape")

    slopes = cast("np.ndarray | None", None)  # of an elementwise function that is part of the map; None for none

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the dense form, `out_shape + in_shape`."""
        return (*self.out_shape, *self.in_shape)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        """Multiply an incoming Jacobian by this one, from the left: `cotangent @ J`."""
        raise NotImplementedError

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        """Push a tangent of the input forward: `J @ tangent`."""
        raise NotImplementedError

    def vjp_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        """Write `vjp(cotangent)` into `out`."""
        out[...] = self.vjp(cotangent)

    def per_example(self, cotangent: np.ndarray) -> np.ndarray:
        """`vjp` without the sum over the batch, for an input that every example shares: a parameter.

        Shape: `(batch, ...) -> (batch, *in_shape)`; `per_example(g).sum(0)` equals `vjp(g)`.
        """
        return self.vjp(one_row_each(cotangent))

    def per_example_into(self, cotangent: np.ndarray, out: np.ndarray) -> None:
        """Write `per_example(cotangent)` into `out`."""
        out[...] = self.per_example(cotangent)

    @property
    def mixes_rows(self) -> bool:
        """Whether a row of the output depends on another row of this input, as with moments over the batch."""
        return False

    def todense(self) -> np.ndarray:
        """The whole Jacobian as an array of shape `out_shape + in_shape`, computed by blocks of seeds.

        Raises:
            DataError: more bytes than `nnlite.config.dense_limit()`.
        """
        self._check_dense_bytes(self.dense_nbytes)
        rows, columns, dtype = math.prod(self.out_shape), math.prod(self.in_shape), self.dtype
        dense = np.zeros((rows, columns), dtype)
        count, other = min(rows, columns), max(rows, columns)
        step = max(1, BLOCK // max(other, 1))
        for start in range(0, count, step):
            stop = min(start + step, count)
            seeds = np.zeros((stop - start, count), dtype)
            seeds[np.arange(stop - start), np.arange(start, stop)] = 1
            if rows <= columns:
                dense[start:stop] = self.vjp(seeds.reshape(-1, *self.out_shape)).reshape(-1, columns)
            else:
                dense[:, start:stop] = self.jvp(seeds.reshape(-1, *self.in_shape)).reshape(-1, rows).T
        return dense.reshape(self.shape)

    @property
    def dense_nbytes(self) -> int:
        """Bytes that `todense()` takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def _check_dense_bytes(self, nbytes, form="dense"):
        if nbytes > dense_limit():
            raise DataError(
                f"the {form} form of the Jacobian of {self.out_shape} by {self.in_shape} takes "
                f"{readable_bytes(nbytes)}, the limit is {readable_bytes(dense_limit())}: use vjp, jvp or per_example "
                f"with a vector, or raise the limit with nnlite.config.set_dense_limit(bytes)"
            )

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that this map keeps, including those of nested maps."""
        for cls in type(self).__mro__:
            for slot in getattr(cls, "__slots__", ()):
                value = getattr(self, slot)
                for item in value if isinstance(value, tuple) else (value,):
                    if isinstance(item, np.ndarray):
                        yield item
                    elif isinstance(item, Jacobian):
                        yield from item.stored()

    @property
    def dtype(self) -> np.dtype:
        """Floating-point type of the entries; float64 if nothing is stored."""
        kinds = [array.dtype for array in self.stored() if array.dtype.kind in "fc"]
        return np.result_type(*kinds) if kinds else np.dtype(np.float64)

    @property
    def nbytes(self) -> int:
        """Bytes of the stored arrays, shared ones counted once."""
        return sum({id(array): array.nbytes for array in self.stored()}.values())

    def parts(self) -> Sequence[tuple[str, Any]]:
        """`(label, map)` of each component, for display."""
        return ()

    def _repr_html_(self) -> str:
        return shown_as_html(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(out_shape={self.out_shape}, in_shape={self.in_shape})"


def one_row_each(cotangent: np.ndarray) -> np.ndarray:
    """One seed per example: the i-th has the i-th row of `cotangent` and zeros elsewhere."""
    rows = np.arange(len(cotangent))
    seeds = np.zeros((len(cotangent), *cotangent.shape), cotangent.dtype)
    seeds[rows, rows] = cotangent
    return seeds


def fitted(array: ArrayLike, shape: Shape, dtype: np.dtype | str, needs: str, seeds: str = "..., ") -> np.ndarray:
    """`array` as floating-point numbers of `shape`, with any leading seed axes; `ShapeError` otherwise.

    Args:
        needs: how the error begins: who needs what.
        seeds: how it spells the seed axes; empty where there must be none.
    """
    array = np.asarray(array)
    extra = array.ndim - len(shape)
    if array.shape[max(extra, 0) :] != tuple(shape) or (extra and not seeds):
        raise ShapeError(f"{needs} of shape ({seeds}{', '.join(map(str, shape))}), got {array.shape}")
    return array if array.dtype.kind in "fc" else array.astype(dtype)


@functools.lru_cache(maxsize=4096)
def broadcast_axes(in_shape: Shape, out_shape: Shape) -> tuple[int, ...]:
    """The axes of `out_shape`, counted from the right, along which `in_shape` was stretched."""
    rank, missing = len(out_shape), len(out_shape) - len(in_shape)
    return tuple(
        axis - rank
        for axis in range(rank)
        if axis < missing or (in_shape[axis - missing] == 1 and out_shape[axis] != 1)
    )


def shown_as_html(jacobian: Jacobian, labels: Sequence[tuple[str, Sequence[str]]] = ()) -> str:
    """A table with a line for each component of `jacobian`, itself first.

    Args:
        jacobian: any map.
        labels: `(label, names of its inputs)` of each part, where better ones than those of `parts` are known.
    """
    lines, parts = [_line("", jacobian, 0)], jacobian.parts()
    for number, (label, part) in enumerate(parts):
        name, inputs = labels[number] if len(labels) == len(parts) else (label, ())
        lines += _lines(name, part, inputs, 1)
    left_out = f"<p>{len(lines) - MOST_LINES} more maps.</p>" if len(lines) > MOST_LINES else ""
    explained = "<p>Norm: Frobenius, of the dense form; left out where that has more than 4 million entries.</p>"
    table = html_table(HEAD, lines[:MOST_LINES], numbers=(3, 4, 5), raw=(0,))
    return notebook(f"{table}{left_out}{explained}", width=1000)


def readable_bytes(count: int) -> str:
    """A number of bytes for display: `3.2 GiB`."""
    power = min(max(count, 1).bit_length() - 1, 49) // 10
    unit = ("B", "KiB", "MiB", "GiB", "TiB")[power]
    return f"{count / 1024**power:.3g} {unit}" if power else f"{count} B"


def _lines(label: str, part: Any, inputs: Sequence[str], depth: int) -> Iterator[Line]:
    yield _line(label, part, depth)
    for key, piece in part.parts():
        name = inputs[int(key)] if key.isdigit() and inputs else key
        yield from _lines(name, piece, (), depth + 1)


def _line(label: str, part: Any, depth: int) -> Line:
    name = f'<span style="padding-left:{depth}em">{escape(label)}</span>'
    if not isinstance(part, Jacobian):
        return name, "", "", readable_bytes(_kept(part)), "", ""
    shape = f"{part.in_shape} to {part.out_shape}"
    size, dense = readable_bytes(part.nbytes), readable_bytes(part.dense_nbytes)
    return name, type(part).__name__, shape, size, dense, _norm(part)


def _norm(part: Jacobian) -> str:
    if math.prod(part.shape) > MOST_MEASURED or part.dense_nbytes > dense_limit():
        return ""
    return number_text(float(np.linalg.norm(np.ravel(part.todense()).astype(np.float64))))


def _kept(part: Any) -> int:
    return sum({id(array): array.nbytes for array in part.stored()}.values())
