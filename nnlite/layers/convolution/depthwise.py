"""Depthwise and separable convolutions."""

from typing import Any, Literal

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import BatchShape
from nnlite.arrays.windows import place_windows
from nnlite.constraints import Constraint
from nnlite.initializers import Initializer
from nnlite.jacobians import ChainJacobians, ConvolutionByInputs, ConvolutionByKernel, Jacobian, Jacobians
from nnlite.layers.base.contract.input_spec import OF_CHANNELS
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import Sizes, Spatial, add_bias, add_bias_and_activation, by_inputs, check_windows
from nnlite.ops.activations import ActivationFunction
from nnlite.registry.bounds import Count
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = [
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]


def depthwise_shape(layer: Any, input_shape: tuple) -> tuple[int, ...]:
    """The shape `(*kernel_size, channels, depth_multiplier)` of a kernel."""
    return (*layer.per_axis("kernel_size"), layer.channels_of(input_shape), layer.depth_multiplier)


def depthwise(layer: Any, inputs: np.ndarray, kernel: np.ndarray) -> tuple[np.ndarray, tuple[Jacobian, Jacobian]]:
    """Each channel convolved with its own kernels: the outputs, channels last, and their maps."""
    images = layer.to_channels_last(inputs)
    windows = layer.windows(images.shape[1:-1], *layer.geometry)
    groups = images.shape[-1]
    outputs = kernels.convolve(images, kernel, windows, groups)
    by_images = ConvolutionByInputs(kernel, windows, groups, images.shape, outputs.shape)
    by_kernel = ConvolutionByKernel(images, windows, groups, kernel.shape, outputs.shape)
    return outputs, (by_inputs(layer, by_images, inputs.shape), by_kernel)


class _DepthwiseConv(Spatial, Layer, abstract=True):
    kernel_size: Sizes
    strides: Sizes = option(default=1)
    padding: Literal["valid", "same"] = "valid"
    depth_multiplier: Count = 1
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: Sizes = option(default=1)
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    use_bias: bool = True
    depthwise_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    depthwise_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    depthwise_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)

    ends_in_activation = True
    _kernel_gain = 2

    input_spec = OF_CHANNELS

    def validate(self) -> None:
        check_windows(self)

    def build(self, input_shape: BatchShape) -> None:
        shape = depthwise_shape(self, input_shape)
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            shape,
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )
        add_bias(self, shape[-2] * shape[-1])

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        filters = self.channels_of(input_shape) * self.depth_multiplier
        return self.output_shape_of(input_shape, self.window_counts(self.spatial(input_shape), *self.geometry), filters)

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        outputs, maps = depthwise(self, inputs, kernel)
        return add_bias_and_activation(self, outputs, maps, bias)


class DepthwiseConv1D(_DepthwiseConv):
    """Convolves each channel with its own kernels: each output depends on a single channel.

    outputs[n, o, c * depth_multiplier + m] = activation(sum over k of
    inputs[n, o * strides + k * dilation_rate, c] * kernel[k, c, m] + bias).

    Shape: `(batch, steps, channels) -> (batch, new_steps, channels * depth_multiplier)`; kernel
    `(kernel_size, channels, depth_multiplier)`, bias `(channels * depth_multiplier,)`.

    Args:
        depth_multiplier: number of kernels for each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer,
            bias_regularizer: as in `Conv1D`; there is no "causal" padding.

    Raises:
        ConfigError: both `strides` and `dilation_rate` above 1.
        ShapeError: a window larger than the input.

    PyTorch has it as a convolution with as many groups as channels.

    >>> import numpy as np
    >>> layer = DepthwiseConv1D(2, depthwise_initializer="ones")  # each channel on its own
    >>> layer(np.array([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]])).tolist()
    [[[3.0, 30.0], [5.0, 50.0]]]
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolves each channel with its own kernels: each output depends on a single channel.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, channels * depth_multiplier)`; kernel
    `(*kernel_size, channels, depth_multiplier)`. Arguments and errors are those of `DepthwiseConv1D`.

    Reference: Howard et al. 2017, arXiv:1704.04861.

    >>> DepthwiseConv2D(3, padding="same", depth_multiplier=2).compute_output_shape((None, 28, 28, 3))
    (None, 28, 28, 6)
    """

    rank = 2


class _SeparableConv(Spatial, Layer, abstract=True):
    filters: Count
    kernel_size: Sizes
    strides: Sizes = option(default=1)
    padding: Literal["valid", "same"] = "valid"
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: Sizes = option(default=1)
    depth_multiplier: Count = 1
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    use_bias: bool = True
    depthwise_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    pointwise_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    depthwise_regularizer: FromSpec[Regularizer | None] = option(default=None)
    pointwise_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    depthwise_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    pointwise_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)

    ends_in_activation = True
    _kernel_gain = 2

    input_spec = OF_CHANNELS

    def validate(self) -> None:
        check_windows(self)

    def build(self, input_shape: BatchShape) -> None:
        shape = depthwise_shape(self, input_shape)
        self.compute_output_shape(input_shape)
        self.depthwise_kernel = self.add_weight(
            shape,
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self.rank, shape[-2] * shape[-1], self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        add_bias(self, self.filters)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        counts = self.window_counts(self.spatial(input_shape), *self.geometry)
        return self.output_shape_of(input_shape, counts, self.filters)

    def linearize(
        self,
        inputs: np.ndarray,
        depthwise_kernel: np.ndarray,
        pointwise_kernel: np.ndarray,
        bias: np.ndarray | None = None,
    ) -> tuple[np.ndarray, ChainJacobians]:
        inner, maps = depthwise(self, inputs, depthwise_kernel)
        ones = (1,) * self.rank
        windows = place_windows(inner.shape[1:-1], ones, ones)
        outputs = kernels.convolve(inner, pointwise_kernel, windows)
        by_inner = ConvolutionByInputs(pointwise_kernel, windows, 1, inner.shape, outputs.shape)
        by_kernel = ConvolutionByKernel(inner, windows, 1, pointwise_kernel.shape, outputs.shape)
        outputs, last = add_bias_and_activation(self, outputs, (by_inner, by_kernel), bias)
        return outputs, ChainJacobians([Jacobians(*maps), last])

    def _state_pairs(self, state: tuple) -> tuple:
        """None: the layer keeps no state."""
        return ()


class SeparableConv1D(_SeparableConv, aliases=("SeparableConvolution1D",)):
    """A depthwise convolution, followed by one of width 1 that mixes the channels.

    outputs = activation(pointwise_kernel * (depthwise_kernel * inputs) + bias), as in `DepthwiseConv1D` and `Conv1D`:
    many times fewer parameters and products than one full kernel.

    Shape: `(batch, steps, channels) -> (batch, new_steps, filters)`; depthwise_kernel
    `(kernel_size, channels, depth_multiplier)`, pointwise_kernel `(1, channels * depth_multiplier, filters)`, bias
    `(filters,)`.

    Args:
        filters: number of output channels.
        depth_multiplier: number of depthwise kernels for each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the depthwise kernel.
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: of the pointwise kernel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer,
            bias_regularizer: as in `Conv1D`; strides belong to the depthwise part; there is no "causal" padding.

    Raises:
        ConfigError: both `strides` and `dilation_rate` above 1.
        ShapeError: a window larger than the input.

    Reference: Chollet 2017, arXiv:1610.02357.

    >>> layer = SeparableConv1D(8, 3)
    >>> layer.build((None, 10, 4))
    >>> [weight.shape for weight in layer.weights]  # depthwise kernel, pointwise kernel, bias
    [(3, 4, 1), (1, 4, 8), (8,)]
    """

    rank = 1


class SeparableConv2D(_SeparableConv, aliases=("SeparableConvolution2D",)):
    """A depthwise convolution, followed by one of size 1 that mixes the channels.

    Shape: `(batch, rows, cols, channels) -> (batch, new_rows, new_cols, filters)`; depthwise_kernel
    `(*kernel_size, channels, depth_multiplier)`, pointwise_kernel `(1, 1, channels * depth_multiplier, filters)`, bias
    `(filters,)`. Arguments and errors are those of `SeparableConv1D`.

    >>> layer = SeparableConv2D(8, 3, padding="same")
    >>> layer.build((None, 28, 28, 4))
    >>> layer.compute_output_shape((None, 28, 28, 4)), layer.count_params()  # Conv2D has 296
    ((None, 28, 28, 8), 76)
    """

    rank = 2


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
