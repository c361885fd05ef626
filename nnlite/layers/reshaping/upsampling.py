"""Upsampling of one, two and three spatial axes."""

from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.arrays.windows import place_windows
from nnlite.jacobians import Jacobians, Separable, SumOfWindows, Transposed
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import Sizes, Spatial
from nnlite.ops.interpolation import resize_matrices
from nnlite.registry.fields import option

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]


class _UpSampling(Spatial, Layer, abstract=True):
    size: Sizes = option(default=2)

    interpolation = "nearest"

    def validate(self) -> None:
        self.check_lengths("size")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        axes = zip(self.spatial(input_shape), self.per_axis("size"), strict=True)
        return self.with_spatial(input_shape, [None if n is None else n * factor for n, factor in axes])

    def linearize(self, inputs: Array) -> tuple[np.ndarray, Jacobians]:
        shape: Any = self.compute_output_shape(inputs.shape)
        size = self.per_axis("size")
        if self.interpolation == "nearest":
            windows = place_windows(self.spatial(shape), size, size)
            part = Transposed(SumOfWindows(windows, self.trailing, 1, shape, inputs.shape))
        else:
            self.check_cells(self.spatial(inputs.shape))
            inputs = floating(self, inputs)
            matrices = resize_matrices(self.spatial(inputs.shape), self.spatial(shape), self.interpolation)
            matrices = tuple(matrix.astype(inputs.real.dtype) for matrix in matrices)
            part = Separable(matrices, self.from_right, inputs.shape, shape)
        return part.jvp(inputs), Jacobians(part)


class UpSampling1D(_UpSampling):
    """Repeats every step `size` times.

    Shape: `(batch, steps, channels) -> (batch, steps * size, channels)`.

    Args:
        size: how often each step is repeated.

    >>> import numpy as np
    >>> UpSampling1D(2)(np.array([1.0, 2.0]).reshape(1, 2, 1)).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    _kept_kinds = "biu"
    rank = 1

    def _keras_arguments(self) -> dict[str, Any]:
        return super()._keras_arguments() | {"size": self.per_axis("size")[0]}


class UpSampling2D(_UpSampling):
    """Enlarges images by integer factors.

    Shape: `(batch, rows, cols, channels) -> (batch, rows * size, cols * size, channels)`.

    Args:
        size: factor, one for both axes or one for each.
        data_format: "channels_last", also for None, or "channels_first".
        interpolation: "nearest" repeats pixels; the others mix near ones, with centers at half pixels.

    >>> import numpy as np
    >>> print(UpSampling2D((1, 2))(np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1))[0, ..., 0])
    [[1. 1. 2. 2.]
     [3. 3. 4. 4.]]
    """

    data_format: Literal["channels_last", "channels_first"] | None = None
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] = "nearest"

    rank = 2

    def validate(self) -> None:
        super().validate()
        self._kept_kinds = "biu" if self.interpolation == "nearest" else ""


class UpSampling3D(_UpSampling):
    """Repeats every voxel `size` times along each axis.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, depth * size, rows * size, cols * size, channels)`.

    Args:
        size: factor, one for all axes or one for each.
        data_format: "channels_last", also for None, or "channels_first".

    >>> import numpy as np
    >>> UpSampling3D(2)(np.ones((1, 2, 2, 2, 1))).shape
    (1, 4, 4, 4, 1)
    """

    data_format: Literal["channels_last", "channels_first"] | None = None

    _kept_kinds = "biu"
    rank = 3
