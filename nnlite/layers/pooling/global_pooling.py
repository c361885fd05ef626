"""Pooling over all positions."""

import math
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.jacobians import Composed, Diagonal, Jacobians, Rearrange, SumOver
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.masks import step_mask
from nnlite.layers.base.spatial import Spatial
from nnlite.layers.pooling.adaptive_pooling import largest_in_bins

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


MANY_CELLS = 2**14  # of which a matrix product would add up more rounding than `mean`


class _GlobalPooling(Spatial, Layer, abstract=True):
    data_format: Literal["channels_last", "channels_first"] | None = None
    keepdims: bool = False

    _needs_no_building = True

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        self.check_cells(self.spatial(input_shape))
        return self.with_spatial(input_shape, (1,) * self.rank if self.keepdims else ())

    def mean(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        """The mean over all cells, and its Jacobians."""
        inputs = floating(self, inputs)
        shape: Any = self.compute_output_shape(inputs.shape)
        count = math.prod(self.spatial(inputs.shape))
        if self.channels_first or count > MANY_CELLS:
            outputs = inputs.mean(axis=self.from_right, keepdims=self.keepdims)
        else:  # a matrix product adds rows up in a quarter of the time
            cells = inputs.reshape(len(inputs), count, inputs.shape[-1])
            factors = np.full((1, count), 1 / count, np.result_type(inputs, np.float32))
            outputs = np.matmul(factors, cells).reshape(shape)
        return outputs, Jacobians(SumOver(self.from_right, inputs.shape, shape, 1 / count))

    def largest(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        """The largest of all cells, and its Jacobians."""
        shape: Any = self.compute_output_shape(inputs.shape)
        kept, maps = largest_in_bins(inputs, [[(0, length)] for length in self.spatial(inputs.shape)], self.from_right)
        outputs = kept.reshape(shape)
        return outputs, Jacobians(Composed(Rearrange(kept.shape, outputs.shape), *maps))


class GlobalAveragePooling1D(_GlobalPooling, aliases=("GlobalAvgPool1D",)):
    """outputs = mean of inputs over all steps, or over those that the mask keeps.

    Shape: `(batch, steps, channels) -> (batch, channels)`. A sequence that is masked as a whole gives zeros.

    Args:
        data_format: "channels_last", also for None, or "channels_first".
        keepdims: keep the axis of the steps with length 1.

    Raises:
        ShapeError: a mask that has not one boolean per step.

    >>> import numpy as np
    >>> GlobalAveragePooling1D()(np.array([[[1.0, 10.0], [3.0, 30.0]]])).tolist()
    [[2.0, 20.0]]
    """

    rank = 1
    supports_masking, _sets_mask = True, True

    def linearize(self, inputs: Array, mask: np.ndarray | None = None) -> tuple[np.ndarray, Jacobians]:
        if mask is None:
            return self.mean(inputs)
        inputs = floating(self, inputs)
        steps = inputs.shape[2 if self.channels_first else 1]
        weights = step_mask(mask, (len(inputs), steps), self.label).astype(inputs.real.dtype)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1)
        weights = np.expand_dims(weights, 1 if self.channels_first else 2)
        outputs = (inputs * weights).sum(axis=self.from_right, keepdims=self.keepdims)
        total = SumOver(self.from_right, inputs.shape, outputs.shape)
        return outputs, Jacobians(Composed(total, Diagonal(weights, inputs.shape, inputs.shape)))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """As `linearize`, over all steps."""
        return self.mean(inputs)[0]


class GlobalAveragePooling2D(_GlobalPooling, aliases=("GlobalAvgPool2D",)):
    """outputs = mean of inputs over all pixels.

    Shape: `(batch, rows, cols, channels) -> (batch, channels)`. Arguments are those of `GlobalAveragePooling1D`.

    >>> import numpy as np
    >>> GlobalAveragePooling2D()(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[3.0, 4.0]]
    """

    rank = 2

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.mean(inputs)


class GlobalAveragePooling3D(_GlobalPooling, aliases=("GlobalAvgPool3D",)):
    """outputs = mean of inputs over all voxels.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, channels)`. Arguments are those of
    `GlobalAveragePooling1D`.

    >>> import numpy as np
    >>> GlobalAveragePooling3D()(np.arange(16.0).reshape(1, 2, 2, 2, 2)).tolist()
    [[7.0, 8.0]]
    """

    rank = 3

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.mean(inputs)


class GlobalMaxPooling1D(_GlobalPooling, aliases=("GlobalMaxPool1D",)):
    """outputs = maximum of inputs over all steps; in case of ties, the first one gets the gradient.

    Shape: `(batch, steps, channels) -> (batch, channels)`. Arguments are those of `GlobalAveragePooling1D`.

    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.array([[[1.0, 30.0], [3.0, 10.0]]])).tolist()
    [[3.0, 30.0]]
    """

    rank, _kept_kinds = 1, "biu"

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.largest(inputs)


class GlobalMaxPooling2D(_GlobalPooling, aliases=("GlobalMaxPool2D",)):
    """outputs = maximum of inputs over all pixels; in case of ties, the first one gets the gradient.

    Shape: `(batch, rows, cols, channels) -> (batch, channels)`. Arguments are those of `GlobalAveragePooling1D`.

    >>> import numpy as np
    >>> GlobalMaxPooling2D()(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[6.0, 7.0]]
    """

    rank, _kept_kinds = 2, "biu"

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.largest(inputs)


class GlobalMaxPooling3D(_GlobalPooling, aliases=("GlobalMaxPool3D",)):
    """outputs = maximum of inputs over all voxels; in case of ties, the first one gets the gradient.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, channels)`. Arguments are those of
    `GlobalAveragePooling1D`.

    >>> import numpy as np
    >>> GlobalMaxPooling3D()(np.arange(16.0).reshape(1, 2, 2, 2, 2)).tolist()
    [[14.0, 15.0]]
    """

    rank, _kept_kinds = 3, "biu"

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.largest(inputs)


GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
