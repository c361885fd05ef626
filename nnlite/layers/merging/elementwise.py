"""Layers that merge several arrays elementwise, and functions that call all merging layers."""

import operator
from collections.abc import Sequence
from functools import reduce
from typing import Any, cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ShapeError
from nnlite.jacobians import Broadcast, Composed, Diagonal, Jacobians, Rearrange
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.masks import checked_masks
from nnlite.layers.merging.concatenate import Concatenate, Dot, check_several, shown

__all__ = [
    "Add",
    "Average",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class _Elementwise(Layer, abstract=True):
    """Base of layers that merge element by element, with NumPy's stretching of axes of length 1.

    Inputs of lower rank get axes of length 1 after the batch. A step counts where any input's mask says so; no mask
    comes out where one input has none.
    """

    supports_masking, _sets_mask = True, True
    takes_several = True
    needed = cast("int | None", None)  # how many inputs there must be; None for any number

    _fixes = "nothing"

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        """The output, and for each input the slopes, None for 1; `counted` are the masks, None for all."""
        raise NotImplementedError

    def build(self, input_shape: Sequence[BatchShape]) -> None:
        check_several(self, input_shape, self.needed)
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Sequence[BatchShape]) -> BatchShape:
        rank = max(map(len, input_shape))
        shapes = [aligned_shape(shape, rank) for shape in input_shape]
        return tuple(self._common(lengths, input_shape) for lengths in zip(*shapes, strict=True))

    def _common(self, lengths, input_shape):
        different = {length for length in lengths if length not in (1, None)}
        if len(different) > 1:
            raise ShapeError(f"{self.label} needs inputs with compatible shapes, got {shown(input_shape)}")
        return different.pop() if different else None if None in lengths else 1

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if previous_mask is None or any(mask is None for mask in previous_mask):
            return None
        return reduce(operator.or_, previous_mask)

    def linearize(self, inputs: tuple[np.ndarray, ...], mask: Any = None) -> tuple[np.ndarray, Jacobians]:
        self.compute_output_shape([array.shape for array in inputs])
        rank = max(array.ndim for array in inputs)
        aligned = [array.reshape(aligned_shape(array.shape, rank)) for array in inputs]
        masks = checked_masks(self, inputs, mask)
        counted = [
            one if one is None else one.reshape(aligned_shape(one.shape + (1,) * (array.ndim - one.ndim), rank))
            for one, array in zip(masks, inputs, strict=True)
        ]
        outputs, slopes = self.combine(aligned, counted)
        maps = []
        for array, view, slope in zip(inputs, aligned, slopes, strict=True):
            part = Broadcast(view.shape, outputs.shape) if slope is None else Diagonal(slope, view.shape, outputs.shape)
            maps.append(part if array.ndim == rank else Composed(part, Rearrange(array.shape, view.shape)))
        return outputs, Jacobians(*maps, data=len(inputs), mask=either(masks))


class Add(_Elementwise):
    """outputs = inputs[0] + inputs[1] + ...

    Shape: a list of shapes that fit one another, as `(batch, ..., features) -> (batch, ..., features)`.

    >>> import numpy as np
    >>> Add()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[4.0, 7.0]]
    """

    _kept_kinds = "iu"

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        return reduce(np.add, arrays), [None] * len(arrays)


class Subtract(_Elementwise):
    """outputs = inputs[0] - inputs[1]. Shape: two shapes that broadcast.

    >>> import numpy as np
    >>> Subtract()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[-2.0, -3.0]]
    """

    _kept_kinds = "iu"
    needed = 2

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        outputs: Array = arrays[0] - arrays[1]
        return outputs, [None, -np.ones((), outputs.real.dtype)]


class Multiply(_Elementwise):
    """outputs = inputs[0] * inputs[1] * ...; a masked step counts as 1, and as 0 where all inputs are masked.

    Shape: a list of shapes that fit one another.

    >>> import numpy as np
    >>> Multiply()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[3.0, 10.0]]
    """

    _kept_kinds = "iu"

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        one, zero = (np.full((), value, arrays[0].real.dtype) for value in (1, 0))
        factors = [array if c is None else np.where(c, array, one) for array, c in zip(arrays, counted, strict=True)]
        outputs = reduce(np.multiply, factors)
        slopes = [reduce(np.multiply, [*factors[:index], *factors[index + 1 :]], one) for index in range(len(factors))]
        slopes = [slope if c is None else np.where(c, slope, zero) for slope, c in zip(slopes, counted, strict=True)]
        if all(c is not None for c in counted):
            outputs = np.where(reduce(np.logical_or, counted), outputs, zero)
        return outputs, slopes


class Average(_Elementwise):
    """outputs = (inputs[0] + inputs[1] + ...) / number of inputs. Shape: a list of shapes that broadcast.

    >>> import numpy as np
    >>> Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[2.0, 3.5]]
    """

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        total: Array = reduce(np.add, [floating(self, array) for array in arrays])
        share = np.full((), 1 / len(arrays), total.real.dtype)
        return total * share, [share] * len(arrays)


class Maximum(_Elementwise):
    """outputs = elementwise largest of the inputs, by the real part; a masked step is left out.

    Equal largest ones share the slope 1. Shape: a list of shapes that fit one another.

    >>> import numpy as np
    >>> Maximum()([np.array([[1.0, 6.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[3.0, 6.0]]
    """

    _kept_kinds = "iu"

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        return extreme(arrays, counted, np.maximum)


class Minimum(_Elementwise):
    """outputs = elementwise smallest of the inputs, by the real part; a masked step is left out.

    Equal smallest ones share the slope 1. Shape: a list of shapes that fit one another.

    >>> import numpy as np
    >>> Minimum()([np.array([[1.0, 6.0]]), np.array([[3.0, 5.0]])]).tolist()
    [[1.0, 5.0]]
    """

    _kept_kinds = "iu"

    def combine(self, arrays: Sequence[Array], counted: Sequence[np.ndarray | None]) -> tuple[np.ndarray, list]:
        return extreme(arrays, counted, np.minimum)


def extreme(arrays: Sequence[Array], counted: Sequence[np.ndarray | None], pick: np.ufunc) -> tuple[np.ndarray, list]:
    """The maximum or minimum, by `pick`, of the real parts that count, the first if none does; and the slopes.

    Integers are compared as such: as floating-point numbers, neighbors beyond 2**53 would be equal.
    """
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    taken = [np.broadcast_to(True if mask is None else mask, shape) for mask in counted]
    taken[0] = taken[0] | ~reduce(np.logical_or, taken)
    kind = np.result_type(*(array.real for array in arrays))
    ends = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind in "iu" else (-np.inf, np.inf)
    never = kind.type(ends[0] if pick is np.maximum else ends[1])
    levels = [np.where(where, array.real.astype(kind), never) for where, array in zip(taken, arrays, strict=True)]
    extremes = reduce(pick, levels)
    chosen = [where & (level == extremes) for where, level in zip(taken, levels, strict=True)]
    outputs: Array = np.select(chosen, arrays)
    shares = 1 / np.sum(chosen, axis=0, dtype=outputs.real.dtype)
    return outputs, [where * shares for where in chosen]


def aligned_shape(shape: tuple, rank: int) -> tuple:
    """`shape` with axes of length 1 after the batch."""
    return (*shape[:1], *[1] * (rank - len(shape)), *shape[1:])


def either(masks: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Union of the masks; None if one is missing."""
    present = [mask for mask in masks if mask is not None]
    if len(present) < len(masks):
        return None
    rank = max(mask.ndim for mask in present)
    return reduce(np.logical_or, [mask.reshape(aligned_shape(mask.shape, rank)) for mask in present])


def add(inputs: Any, **options: Any) -> Any:
    """The sum of the inputs: `Add(**options)(inputs)`."""
    return Add(**options)(inputs)


def subtract(inputs: Any, **options: Any) -> Any:
    """The first input minus the second: `Subtract(**options)(inputs)`."""
    return Subtract(**options)(inputs)


def multiply(inputs: Any, **options: Any) -> Any:
    """The product of the inputs: `Multiply(**options)(inputs)`."""
    return Multiply(**options)(inputs)


def average(inputs: Any, **options: Any) -> Any:
    """The mean of the inputs: `Average(**options)(inputs)`."""
    return Average(**options)(inputs)


def maximum(inputs: Any, **options: Any) -> Any:
    """The elementwise largest of the inputs: `Maximum(**options)(inputs)`."""
    return Maximum(**options)(inputs)


def minimum(inputs: Any, **options: Any) -> Any:
    """The elementwise smallest of the inputs: `Minimum(**options)(inputs)`."""
    return Minimum(**options)(inputs)


def concatenate(inputs: Any, axis: int = -1, **options: Any) -> Any:
    """The inputs joined along `axis`: `Concatenate(axis, **options)(inputs)`."""
    return Concatenate(axis, **options)(inputs)


def dot(inputs: Any, axes: int | tuple[int, int] = -1, **options: Any) -> Any:
    """Products of two inputs summed along `axes`: `Dot(axes, **options)(inputs)`."""
    return Dot(axes, **options)(inputs)
