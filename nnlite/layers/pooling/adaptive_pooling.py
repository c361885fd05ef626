"""Pooling into a fixed number of bins, for any size of the input."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.jacobians import Composed, Jacobians, LargestOfBins, Separable
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import Sizes, Spatial

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class _AdaptivePooling(Spatial, Layer, abstract=True):
    output_size: Sizes
    data_format: Literal["channels_last", "channels_first"] | None = None

    average = False
    input_spec = None

    def validate(self) -> None:
        self.check_lengths("output_size")
        self.output_size = self.per_axis("output_size")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        self.check_cells(self.spatial(input_shape))
        return self.with_spatial(input_shape, self.per_axis("output_size"))

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        lengths, shape = self.spatial(inputs.shape), cast(Any, self.compute_output_shape(inputs.shape))
        bins = [bin_edges(*axis) for axis in zip(lengths, self.per_axis("output_size"), strict=True)]
        if not self.average:
            outputs, maps = largest_in_bins(inputs, bins, self.from_right)
            return outputs, Jacobians(Composed(*maps))
        inputs = floating(self, inputs)
        matrices = tuple(
            means_of_bins(count, length, inputs.real.dtype) for count, length in zip(bins, lengths, strict=True)
        )
        part = Separable(matrices, self.from_right, inputs.shape, shape)
        return part.jvp(inputs), Jacobians(part)


def bin_edges(length: int, count: int) -> list[tuple[int, int]]:
    """The `(start, stop)` of `count` bins that cover `length` cells as evenly as possible."""
    return [(number * length // count, -(-(number + 1) * length // count)) for number in range(count)]


def means_of_bins(bins: Sequence[tuple[int, int]], length: int, dtype: np.dtype) -> np.ndarray:
    """The matrix `(bins, length)` that computes the mean of each bin."""
    matrix = np.zeros((len(bins), length), dtype)
    for row, (start, stop) in zip(matrix, bins, strict=True):
        row[start:stop] = 1 / (stop - start)
    return matrix


def largest_in_bins(
    inputs: np.ndarray, bins: Sequence[Sequence[tuple[int, int]]], axes: Sequence[int]
) -> tuple[np.ndarray, list[Jacobian]]:
    """The maximum of each bin, along one axis at a time, and the maps, outermost first.

    The last axis comes first, so that of equal elements the first in memory is chosen.
    """
    maps = []
    for count, axis in zip(bins[::-1], axes[::-1], strict=True):
        inputs, part = LargestOfBins.of(inputs, count, axis)
        maps.insert(0, part)
    return inputs, maps


class AdaptiveAveragePooling1D(_AdaptivePooling):
    """outputs = mean of inputs over each of `output_size` bins that cover all steps.

    Bin i covers the steps from `floor(i * steps / output_size)` to before `ceil((i + 1) * steps / output_size)`.

    Shape: `(batch, steps, channels) -> (batch, output_size, channels)`.

    Args:
        output_size: number of bins.
        data_format: "channels_last", also for None, or "channels_first".

    >>> import numpy as np
    >>> AdaptiveAveragePooling1D(3)(np.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [0.5, 2.5, 4.5]
    """

    rank = 1
    average = True


class AdaptiveAveragePooling2D(_AdaptivePooling):
    """outputs = mean of inputs over each of `output_size` bins that cover the image.

    Shape: `(batch, rows, cols, channels) -> (batch, *output_size, channels)`. Arguments are those of
    `AdaptiveAveragePooling1D`, `output_size` one number or one for each axis.

    >>> import numpy as np
    >>> AdaptiveAveragePooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    rank = 2
    average = True


class AdaptiveAveragePooling3D(_AdaptivePooling):
    """outputs = mean of inputs over each of `output_size` bins that cover the volume.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, *output_size, channels)`. Arguments are those of
    `AdaptiveAveragePooling2D`.

    >>> import numpy as np
    >>> AdaptiveAveragePooling3D((1, 1, 2))(np.arange(8.0).reshape(1, 2, 2, 2, 1)).ravel().tolist()
    [3.0, 4.0]
    """

    rank = 3
    average = True


class AdaptiveMaxPooling1D(_AdaptivePooling):
    """outputs = maximum of inputs in each of `output_size` bins; in case of ties, the first one gets the gradient.

    Shape, bins and arguments are those of `AdaptiveAveragePooling1D`.

    >>> import numpy as np
    >>> AdaptiveMaxPooling1D(3)(np.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [1.0, 3.0, 5.0]
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptivePooling):
    """outputs = maximum of inputs in each of `output_size` bins; in case of ties, the first one gets the gradient.

    Shape, bins and arguments are those of `AdaptiveAveragePooling2D`.

    >>> import numpy as np
    >>> AdaptiveMaxPooling2D(2)(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """

    rank = 2


class AdaptiveMaxPooling3D(_AdaptivePooling):
    """outputs = maximum of inputs in each of `output_size` bins; in case of ties, the first one gets the gradient.

    Shape, bins and arguments are those of `AdaptiveAveragePooling3D`.

    >>> import numpy as np
    >>> AdaptiveMaxPooling3D((1, 1, 2))(np.arange(8.0).reshape(1, 2, 2, 2, 1)).ravel().tolist()
    [6.0, 7.0]
    """

    rank = 3
