"""Pooling: the maximum, or the mean, of each window."""

import math
from typing import Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape, Shape
from nnlite.arrays.windows import Windows, cells
from nnlite.jacobians import Jacobians, LargestOfWindows, SumOfWindows
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Pooling as PoolingForm
from nnlite.layers.base.spatial import OptionalSizes, Sizes, Spatial
from nnlite.registry.fields import option

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class _Pooling(Spatial, Layer, abstract=True):
    pool_size: Sizes = option(default=2)
    strides: OptionalSizes = option(default=None)
    padding: Literal["valid", "same"] = "valid"
    data_format: Literal["channels_last", "channels_first"] | None = None

    average = False

    _kernel_gain = 2
    _needs_no_building = True

    @property
    def geometry(self) -> tuple[Shape, Shape]:
        """Sizes and strides of the windows along each axis."""
        return self.per_axis("pool_size"), self.per_axis("strides")

    def validate(self) -> None:
        self.strides = self.pool_size if self.strides is None else self.strides
        self.check_lengths("pool_size", "strides")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return self.with_spatial(input_shape, self.window_counts(self.spatial(input_shape), *self.geometry))

    def at_inference(self) -> PoolingForm:
        return PoolingForm(self)

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        windows = self.windows(self.spatial(inputs.shape), *self.geometry)
        if not self.average:
            outputs, part = LargestOfWindows.of(inputs, windows, self.trailing)
            return outputs, Jacobians(part)
        inputs = floating(self, inputs)
        weight = inverse_counts(windows, inputs.real.dtype, self.trailing)
        shape = self.with_spatial(inputs.shape, windows.outputs)
        part = SumOfWindows(windows, self.trailing, weight, inputs.shape, shape)
        return part.jvp(inputs), Jacobians(part)


def inverse_counts(windows: Windows, dtype: np.dtype, trailing: int) -> np.ndarray | float:
    """1 / the number of cells of each window that are not padding; a scalar if there is no padding."""
    if not windows.padded:
        return 1 / math.prod(windows.size)
    counts = np.zeros(windows.outputs, dtype)
    for taken, _ in cells(windows):
        counts[taken] += 1
    return 1 / counts.reshape(counts.shape + (1,) * trailing)


class MaxPooling1D(_Pooling, aliases=("MaxPool1D",)):
    """outputs = maximum of inputs in each window, per channel; in case of ties, the first one gets the gradient.

    Shape: `(batch, steps, channels) -> (batch, new_steps, channels)`; new_steps is `ceil(steps / strides)` with
    padding "same", else `(steps - pool_size) // strides + 1`.

    Args:
        pool_size: number of cells a window covers.
        strides: distance of two windows; `pool_size` when None, so that they lie side by side.
        padding: "valid" for windows inside the input alone; "same" lets the last ones reach over both ends, where
            nothing counts.
        data_format: "channels_last", also for None, or "channels_first".

    Raises:
        ShapeError: a window larger than the input.

    >>> import numpy as np
    >>> x = np.array([1.0, 3.0, 2.0, 6.0, 4.0]).reshape(1, 5, 1)
    >>> MaxPooling1D(2)(x).ravel().tolist(), MaxPooling1D(2, strides=1)(x).ravel().tolist()
    ([3.0, 6.0], [3.0, 3.0, 6.0, 6.0])
    """

    rank = 1


class MaxPooling2D(_Pooling, aliases=("MaxPool2D",)):
    """outputs = maximum of inputs in each window, per channel; in case of ties, the first one gets the gradient.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, channels)`. Arguments and errors are those of
    `MaxPooling1D`, sizes one number or one for each axis.

    >>> import numpy as np
    >>> MaxPooling2D()(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [5.0, 7.0, 13.0, 15.0]
    """

    rank = 2


class MaxPooling3D(_Pooling, aliases=("MaxPool3D",)):
    """outputs = maximum of inputs in each window, per channel; in case of ties, the first one gets the gradient.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, new_depth, new_rows, new_cols, channels)`. Arguments and
    errors are those of `MaxPooling2D`.

    >>> import numpy as np
    >>> MaxPooling3D((1, 2, 2))(np.arange(8.0).reshape(1, 2, 2, 2, 1)).ravel().tolist()
    [3.0, 7.0]
    """

    rank = 3


class AveragePooling1D(_Pooling, aliases=("AvgPool1D",)):
    """outputs = mean of inputs over each window, per channel; padding is left out of the mean.

    Shape, arguments and errors are those of `MaxPooling1D`. PyTorch counts padding as zeros unless it is told
    `count_include_pad=False`.

    >>> import numpy as np
    >>> AveragePooling1D(2)(np.array([1.0, 3.0, 2.0, 6.0]).reshape(1, 4, 1)).ravel().tolist()
    [2.0, 4.0]
    """

    rank = 1
    average = True


class AveragePooling2D(_Pooling, aliases=("AvgPool2D",)):
    """outputs = mean of inputs over each window, per channel; padding is left out of the mean.

    Shape, arguments and errors are those of `MaxPooling2D`.

    >>> import numpy as np
    >>> AveragePooling2D()(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [2.5, 4.5, 10.5, 12.5]
    """

    rank = 2
    average = True


class AveragePooling3D(_Pooling, aliases=("AvgPool3D",)):
    """outputs = mean of inputs over each window, per channel; padding is left out of the mean.

    Shape, arguments and errors are those of `MaxPooling3D`.

    >>> import numpy as np
    >>> AveragePooling3D()(np.arange(8.0).reshape(1, 2, 2, 2, 1)).ravel().tolist()
    [3.5]
    """

    rank = 3
    average = True


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
