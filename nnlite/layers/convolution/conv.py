"""Convolutions over one, two and three spatial axes."""

from typing import Literal

import numpy as np

from nnlite.arrays.patches import convolve, spread
from nnlite.arrays.windows import Windows
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import (
    BiasInBlocks,
    ConvolutionByInputs,
    ConvolutionByKernel,
    Diagonal,
    Jacobians,
    Transposed,
    TransposedConvolutionByKernel,
)
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import BiasAndActivation, Convolving, CountOrCounts
from nnlite.ops.activations import ActivationFunction
from nnlite.registry.field_types import Count, Index
from nnlite.regularizers import Regularizer

__all__ = ["Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose"]


class _Conv(Convolving, Layer, abstract=True):
    filters: Count
    kernel_size: CountOrCounts
    strides: CountOrCounts = 1
    padding: Literal["valid", "same"] = "valid"
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: CountOrCounts = 1
    groups: Count = 1
    activation: ActivationFunction | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None

    def validate(self):
        super().validate()
        if self.filters % self.groups:
            raise ConfigError(
                f"{type(self).__name__} needs filters that groups divide, got filters={self.filters}, "
                f"groups={self.groups}"
            )

    def build(self, input_shape):
        channels = self.channels_of(input_shape)
        if channels % self.groups:
            raise ShapeError(f"{self.label} needs channels that groups={self.groups} divides, got {channels} channels")
        shape = (*self.per_axis("kernel_size"), channels // self.groups, self.filters)
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            shape, self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.add_bias(self.filters)

    def compute_output_shape(self, input_shape):
        counts = self.window_counts(self.spatial(input_shape), *self.geometry)
        return self.output_shape_of(input_shape, counts, self.filters)

    def linearize(self, inputs, kernel, bias=None):
        images = self.to_channels_last(inputs)
        windows = self.windows(images.shape[1:-1], *self.geometry)
        shape = (len(images), *windows.outputs, self.filters)
        after = BiasAndActivation(bias, self.activation, shape) if self._in_blocks(images, kernel, bias) else None
        outputs = convolve(images, kernel, windows, self.groups, after)
        slopes = None if after is None else after.slopes
        by_images = ConvolutionByInputs(kernel, windows, self.groups, images.shape, shape, slopes)
        maps = (
            self.by_inputs(by_images, inputs.shape),
            ConvolutionByKernel(images, windows, self.groups, kernel.shape, shape, slopes),
        )
        if slopes is None:
            return self.finish(outputs, maps, bias)
        by_bias = () if bias is None else (BiasInBlocks(slopes, bias.shape, shape),)
        return outputs, Jacobians(*maps, *by_bias)

    def _in_blocks(self, *arrays):
        """Whether the activation works element by element, on outputs of the type that it will give."""
        if self.activation is None or self.channels_first or len({a.dtype for a in arrays if a is not None}) > 1:
            return False
        _, (part,) = self.activation.linearize(np.zeros((1, 1), arrays[0].dtype))
        return isinstance(part, Diagonal)


class Conv1D(_Conv, aliases=("Convolution1D",)):
    """Slides `filters` kernels over sequences: outputs = activation(kernel * inputs + bias), * the cross-correlation.

    outputs[n, o, f] = activation(sum over k, c of inputs[n, o * strides + k * dilation_rate, c] * kernel[k, c, f]
    + bias[f]).

    Shape: `(batch, steps, channels) -> (batch, new_steps, filters)`; kernel
    `(kernel_size, channels / groups, filters)`, bias `(filters,)`. new_steps is `ceil(steps / strides)` with padding
    "same" or "causal", else `ceil((steps - (kernel_size - 1) * dilation_rate) / strides)`.

    Args:
        filters: number of output channels.
        kernel_size: number of cells a window covers.
        strides: distance of two windows.
        padding: "valid" for windows inside the input alone; "same" adds zeros at both ends, the odd one at the
            end; "causal" adds all in front, so that no output sees what comes after it.
        data_format: "channels_last", also for None, or "channels_first".
        dilation_rate: distance of two cells of a window.
        groups: parts of the channels, each convolved with its own `filters / groups` kernels.
        activation: an activation function or its name; linear when None.
        use_bias: whether there is a bias.
        kernel_initializer: `glorot_uniform` keeps the variance of signals and gradients across layers.
        bias_initializer: zeros by default.
        kernel_regularizer, bias_regularizer: penalty added to the loss.

    Raises:
        ConfigError: `filters` that `groups` does not divide, or both `strides` and `dilation_rate` above 1.
        ShapeError: a window larger than the input, or channels that `groups` does not divide.

    PyTorch keeps channels first and its kernel as `(filters, channels / groups, kernel_size)`.
    """

    padding: Literal["valid", "same", "causal"] = "valid"

    rank = 1


class Conv2D(_Conv, aliases=("Convolution2D",)):
    """Slides `filters` kernels over images: outputs = activation(kernel * inputs + bias), * the cross-correlation.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, filters)`; kernel
    `(*kernel_size, channels / groups, filters)`, bias `(filters,)`.

    Arguments and errors are those of `Conv1D`, sizes one number or one for each axis; there is no "causal" padding.
    PyTorch's `padding="same"` refuses strides above 1.

    Reference: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

    >>> Conv2D(8, 3, padding="same").compute_output_shape((None, 28, 28, 1))
    (None, 28, 28, 8)
    """

    rank = 2


class Conv3D(_Conv, aliases=("Convolution3D",)):
    """Slides `filters` kernels over volumes: outputs = activation(kernel * inputs + bias), * the cross-correlation.

    Shape: `(batch, depth, rows, cols, channels) -> (batch, new_depth, new_rows, new_cols, filters)`; kernel
    `(*kernel_size, channels / groups, filters)`, bias `(filters,)`.

    Arguments and errors are those of `Conv2D`.
    """

    rank = 3


class _ConvTranspose(Convolving, Layer, abstract=True):
    filters: Count
    kernel_size: CountOrCounts
    strides: CountOrCounts = 1
    padding: Literal["valid", "same"] = "valid"
    output_padding: Index | tuple[Index, ...] | None = None
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: CountOrCounts = 1
    activation: ActivationFunction | None = None
    use_bias: bool = True
    kernel_initializer: Initializer = "glorot_uniform"
    bias_initializer: Initializer = "zeros"
    kernel_regularizer: Regularizer | None = None
    bias_regularizer: Regularizer | None = None

    def validate(self):
        super().validate()
        if self.output_padding is None:
            return
        self.check_lengths("output_padding")
        if any(own >= stride for own, stride in zip(*map(self.per_axis, ("output_padding", "strides")), strict=True)):
            raise ConfigError(
                f"{type(self).__name__} needs output_padding below strides, got output_padding={self.output_padding}, "
                f"strides={self.strides}"
            )

    def build(self, input_shape):
        shape = (*self.per_axis("kernel_size"), self.filters, self.channels_of(input_shape))
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            shape, self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.add_bias(self.filters)

    def _output_length(self, length, size, stride, step, extra):
        if length is None:
            return None
        reach = (size - 1) * step + 1
        if self.padding == "valid":
            return (length - 1) * stride + reach + (max(stride - reach, 0) if extra is None else extra)
        return length * stride if extra is None else (length - 1) * stride + reach % 2 + extra

    def _output_lengths(self, lengths):
        extra = self.per_axis("output_padding") if self.output_padding is not None else (None,) * self.rank
        found = tuple(self._output_length(*axis) for axis in zip(lengths, *self.geometry, extra, strict=True))
        if 0 in found:
            raise ShapeError(f"{self.label} has no output for inputs of {lengths} cells: increase output_padding")
        return found

    def compute_output_shape(self, input_shape):
        return self.output_shape_of(input_shape, self._output_lengths(self.spatial(input_shape)), self.filters)

    def _windows(self, lengths):
        """The windows of the convolution that leads back from the outputs to `lengths` inputs."""
        size, strides, dilation = self.geometry
        windows = Windows(self._output_lengths(lengths), lengths, size, strides, dilation, (0,) * self.rank)
        overhang = zip(windows.needed, windows.inputs, strict=True)
        return windows._replace(before=tuple(max(needed - length, 0) // 2 for needed, length in overhang))

    def linearize(self, inputs, kernel, bias=None):
        images = self.to_channels_last(inputs)
        windows = self._windows(images.shape[1:-1])
        outputs = spread(images, kernel, windows)
        by_images = Transposed(ConvolutionByInputs(kernel, windows, 1, outputs.shape, images.shape))
        by_kernel = TransposedConvolutionByKernel(images, windows, kernel.shape, outputs.shape)
        return self.finish(outputs, (self.by_inputs(by_images, inputs.shape), by_kernel), bias)


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
    """

    rank = 3
