"""Jacobians of pooling and padding: sums over windows and selections from them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Shape
from nnlite.arrays.windows import Windows
from nnlite.jacobians.maps.base import Jacobian
from nnlite.kernels.reference.windows import places_of

__all__ = ["Embedded", "LargestOfBins", "LargestOfWindows", "SumOfWindows"]


class _OverWindows(Jacobian):
    """Base of maps over windows: the spatial axes come before the last `trailing` axes."""

    __slots__ = ("trailing", "windows")

    def __init__(self, windows: Windows, trailing: int, in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.windows = windows
        self.trailing = trailing

    def _cells(self):
        return places_of(self.windows, self.trailing)

    def _like_inputs(self, cotangent):
        """Array that `vjp` writes to: zeros, if not every element is written."""
        make = np.empty if self.windows.tiling else np.zeros
        return make(cotangent.shape[: cotangent.ndim - len(self.out_shape)] + self.in_shape, cotangent.dtype)

    def _like_outputs(self, tangent):
        return np.zeros(tangent.shape[: tangent.ndim - len(self.in_shape)] + self.out_shape, tangent.dtype)


class SumOfWindows(_OverWindows):
    """y = weight * sum of x over each window, padding left out. Storage: the weight.

    With disjoint windows that leave no gap, the transpose repeats each element.

    Args:
        weight: a number, or an array that broadcasts to the output.
    """

    __slots__ = ("weight",)

    def __init__(
        self, windows: Windows, trailing: int, weight: np.ndarray | float, in_shape: Shape, out_shape: Shape
    ) -> None:
        super().__init__(windows, trailing, in_shape, out_shape)
        self.weight = weight

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        weighted = cotangent * self.weight
        result = self._like_inputs(cotangent)
        for target, source in self._cells():
            if self.windows.disjoint:
                result[source] = weighted[target]
            else:
                result[source] += weighted[target]
        return result

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        total = self._like_outputs(tangent)
        for target, source in self._cells():
            total[target] += tangent[source]
        total *= self.weight
        return total


class LargestOfWindows(_OverWindows):
    """y = the largest x of each window, the first one in case of ties: a selection.

    Storage: `chosen`, the number of the chosen cell, one byte for windows of up to 256 cells.
    """

    __slots__ = ("chosen",)

    def __init__(self, windows: Windows, trailing: int, chosen: np.ndarray, in_shape: Shape) -> None:
        super().__init__(windows, trailing, in_shape, chosen.shape)
        self.chosen = chosen

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return kernels.spread_largest(cotangent, self.chosen, self.windows, self.trailing, self.in_shape)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        result = self._like_outputs(tangent)
        for number, (target, source) in enumerate(self._cells()):
            result[target] += tangent[source] * (self.chosen[target] == number)
        return result

    @classmethod
    def of(cls, inputs: np.ndarray, windows: Windows, trailing: int) -> "tuple[np.ndarray, LargestOfWindows]":
        """The largest element of each window, and the map."""
        largest, chosen = kernels.largest_of_windows(inputs, windows, trailing)
        return largest, cls(windows, trailing, chosen, inputs.shape)


class LargestOfBins(Jacobian):
    """y = the largest x of each bin along `axis` (counted from the right), the first one in case of ties.

    Storage: `chosen`, for each output the index along the axis that it was taken from.
    """

    __slots__ = ("axis", "chosen")

    def __init__(self, chosen: np.ndarray, axis: int, in_shape: Shape) -> None:
        super().__init__(in_shape, chosen.shape)
        self.chosen = chosen
        self.axis = axis

    @property
    def mixes_rows(self) -> bool:
        return self.axis == -len(self.in_shape)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        seeds = cotangent.shape[: cotangent.ndim - len(self.out_shape)]
        result = np.zeros(seeds + self.in_shape, cotangent.dtype)
        chosen = np.broadcast_to(self.chosen, cotangent.shape)
        for number in range(chosen.shape[self.axis]):  # bins may overlap, so that an index may be chosen twice
            indices = chosen.take([number], self.axis)
            sums = np.take_along_axis(result, indices, self.axis) + cotangent.take([number], self.axis)
            np.put_along_axis(result, indices, sums, self.axis)
        return result

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return np.take_along_axis(tangent, np.broadcast_to(self.chosen, seeds + self.out_shape), self.axis)

    @classmethod
    def of(cls, inputs: np.ndarray, bins: Sequence[tuple[int, int]], axis: int) -> "tuple[np.ndarray, LargestOfBins]":
        """The largest element of each `(start, stop)` in `bins`, and the map."""
        rest = (slice(None),) * (-axis - 1)
        chosen = [
            start + inputs[(..., slice(start, stop), *rest)].real.argmax(axis, keepdims=True) for start, stop in bins
        ]
        part = cls(np.concatenate(chosen, axis), axis, inputs.shape)
        return part.jvp(inputs), part


class Embedded(Jacobian):
    """y = x embedded into zeros at `place`, one slice for each of its last axes. Storage: nothing."""

    __slots__ = ("place",)

    def __init__(self, place: tuple[slice, ...], in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.place: tuple[Any, ...] = (..., *place)

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        return cotangent[self.place]

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        result = np.zeros(tangent.shape[: tangent.ndim - len(self.in_shape)] + self.out_shape, tangent.dtype)
        result[self.place] = tangent
        return result
