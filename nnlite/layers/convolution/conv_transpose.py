"""Transposed convolutions over one, two and three axes."""

from typing import Any, Literal

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import BatchShape
from nnlite.arrays.windows import Windows
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import (
    ConvolutionByInputs,
    Jacobians,
    Transposed,
    TransposedConvolutionByKernel,
)
from nnlite.layers.base.contract.input_spec import OF_CHANNELS
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import Sizes, Spatial, add_bias, add_bias_and_activation, by_inputs, check_windows
from nnlite.ops.activations import ActivationFunction
from nnlite.registry.bounds import Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class _ConvTranspose(Spatial, Layer, abstract=True):
    filters: Count
    kernel_size: Sizes
    strides: Sizes = option(default=1)
    padding: Literal["valid", "same"] = "valid"
    output_padding: Index | tuple[Index, ...] | None = None
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: Sizes = option(default=1)
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    use_bias: bool = True
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)

    ends_in_activation = True
    _kernel_gain = 2

    input_spec = OF_CHANNELS

    def validate(self) -> None:
        check_windows(self)
        if self.output_padding is None:
            return
        self.check_lengths("output_padding")
        if any(
            padding >= stride
            for padding, stride in zip(*map(self.per_axis, ("output_padding", "strides")), strict=True)
        ):
            raise ConfigError(
                f"{type(self).__name__} needs output_padding below strides, got output_padding={self.output_padding}, "
                f"strides={self.strides}"
            )

    def build(self, input_shape: BatchShape) -> None:
        shape = (*self.per_axis("kernel_size"), self.filters, self.channels_of(input_shape))
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            shape,
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        add_bias(self, self.filters)

    def _output_length(self, length, size, stride, step, extra):
        if length is None:
            return None
        reach = (size - 1) * step + 1
        if self.padding == "valid":
            return (length - 1) * stride + reach + (max(stride - reach, 0) if extra is None else extra)
        return length * stride if extra is None else (length - 1) * stride + reach % 2 + extra

    def _output_lengths(self, lengths):
        self.check_cells(lengths)
        extra = self.per_axis("output_padding") if self.output_padding is not None else (None,) * self.rank
        results = tuple(self._output_length(*axis) for axis in zip(lengths, *self.geometry, extra, strict=True))
        if 0 in results:
            raise ShapeError(f"{self.label} has no output for inputs of {lengths} cells: increase output_padding")
        return results

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return self.output_shape_of(input_shape, self._output_lengths(self.spatial(input_shape)), self.filters)

    def _windows(self, lengths):
        """The windows of the convolution that leads back from the outputs to `lengths` inputs."""
        size, strides, dilation = self.geometry
        enlarged: Any = self._output_lengths(lengths)
        windows = Windows(enlarged, lengths, size, strides, dilation, (0,) * self.rank)
        overhang = zip(windows.needed, windows.inputs, strict=True)
        before = tuple(max(needed - length, 0) // 2 for needed, length in overhang)
        return self.allowed(windows._replace(before=before))

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        images = self.to_channels_last(inputs)
        windows = self._windows(images.shape[1:-1])
        outputs = kernels.spread(images, kernel, windows)
        by_images = Transposed(ConvolutionByInputs(kernel, windows, 1, outputs.shape, images.shape))
        by_kernel = TransposedConvolutionByKernel(images, windows, kernel.shape, outputs.shape)
        return add_bias_and_activation(self, outputs, (by_inputs(self, by_images, inputs.shape), by_kernel), bias)


class Conv1DTranspose(_ConvTranspose, aliases=("Convolution1DTranspose",)):
    """The transpose of a convolution: each step of the inputs is spread over a window of the outputs.

    outputs[n, o, f] = activation(sum over i, k, c with i * strides + k * dilation_rate = o of
    inputs[n, i, c] * kernel[k, f, c] + bias[f]).

    Shape: `(batch, steps, channels) -> (batch, new_steps, filters)`; kernel `(kernel_size, filters, channels)`, bias
    `(filters,)`. new_steps is `(steps - 1) * strides + max(kernel_size, strides)` with padding "valid" and
    `steps * strides` with "same".

    Args:
        filters: number of output channels.
        kernel_size: number of cells that one input is spread over.
        strides: distance of two windows: the factor by which the length grows.
        padding: "valid" keeps every cell; "same" cuts the overhang off, the odd cell at the end.
        output_padding: cells at the end, below strides, in place of those above: new_steps is then
            `(steps - 1) * strides + kernel_size + output_padding` for "valid" and
            `(steps - 1) * strides + kernel_size % 2 + output_padding` for "same".
        data_format, dilation_rate, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer: as in `Conv1D`.

    Raises:
        ConfigError: `output_padding` not below `strides`, or both `strides` and `dilation_rate` above 1.

    PyTorch's `padding` is a number of cells cut off at both ends.

    >>> import numpy as np
    >>> layer = Conv1DTranspose(1, 2, strides=2, kernel_initializer="ones")
    >>> layer(np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose, aliases=("Convolution2DTranspose",)):
    """The transpose of a convolution: each pixel of the inputs is spread over a window of the outputs.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, filters)`; kernel
    `(*kernel_size, filters, channels)`, bias `(filters,)`. Arguments and errors are those of `Conv1DTranspose`.

    Reference: Zeiler et al. 2010, "Deconvolutional networks".

    >>> Conv2DTranspose(8, 3, strides=2, padding="same").compute_output_shape((None, 14, 14, 16))
    (None, 28, 28, 8)
    """

    rank = 2


class Conv3DTranspose(_ConvTranspose, aliases=("Convolution3DTranspose",)):
    """The transpose of a convolution: each voxel of the inputs is spread over a window of the outputs.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, new_depth, new_rows, new_cols, filters)`; kernel
    `(*kernel_size, filters, channels)`, bias `(filters,)`. Arguments and errors are those of `Conv1DTranspose`.

    >>> Conv3DTranspose(4, 3, strides=2, padding="same").compute_output_shape((None, 4, 4, 4, 8))
    (None, 8, 8, 8, 4)
    """

    rank = 3


Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
