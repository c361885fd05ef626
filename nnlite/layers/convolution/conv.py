"""Convolutions over one, two and three axes."""

from dataclasses import field
from typing import Any, Literal

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import BatchShape
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import Initializer
from nnlite.jacobians import (
    BiasInBlocks,
    ConvolutionByInputs,
    ConvolutionByKernel,
    Jacobians,
)
from nnlite.kernels.reference.dense import LINEAR
from nnlite.layers.base.contract.input_spec import OF_CHANNELS
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Convolution
from nnlite.layers.base.spatial import (
    BiasAndActivation,
    Sizes,
    Spatial,
    add_bias,
    add_bias_and_activation,
    by_inputs,
    check_windows,
)
from nnlite.layers.base.variables.low_rank import LowRank
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.registry.bounds import Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
]


class _Conv(Spatial, Layer, abstract=True):
    filters: Count
    kernel_size: Sizes
    strides: Sizes = option(default=1)
    padding: Literal["valid", "same"] = "valid"
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: Sizes = option(default=1)
    groups: Count = 1
    activation: FromSpec[ActivationFunction | None] = option(default=None)
    use_bias: bool = True
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform")
    bias_initializer: FromSpec[Initializer] = option(default="zeros")
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)

    lora_rank: Index | None = field(default=None, kw_only=True)
    lora_alpha: float | None = field(default=None, kw_only=True)

    ends_in_activation = True
    _kernel_gain = 2

    _adapts, _adapt, _build_whole = LowRank._adapts, LowRank._adapt, LowRank._build_whole
    lora_enabled, lora_scale, enable_lora = LowRank.lora_enabled, LowRank.lora_scale, LowRank.enable_lora
    merged, merged_kernel, saved_weights = LowRank.merged, LowRank.merged_kernel, LowRank.saved_weights
    save_own_variables, load_own_variables = LowRank.save_own_variables, LowRank.load_own_variables

    input_spec = OF_CHANNELS

    def validate(self) -> None:
        check_windows(self)
        if self.filters % self.groups:
            raise ConfigError(
                f"{type(self).__name__} needs filters that groups divide, got filters={self.filters}, "
                f"groups={self.groups}"
            )

    def build(self, input_shape: BatchShape) -> None:
        channels = self.channels_of(input_shape)
        if channels % self.groups:
            raise ShapeError(f"{self.label} needs channels that groups={self.groups} divides, got {channels} channels")
        shape = (*self.per_axis("kernel_size"), channels // self.groups, self.filters)
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(
            shape,
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        add_bias(self, self.filters)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        counts = self.window_counts(self.spatial(input_shape), *self.geometry)
        return self.output_shape_of(input_shape, counts, self.filters)

    def at_inference(self) -> Convolution | None:
        activation = None if kernel_code(self.activation) == LINEAR else self.activation
        if self.groups > 1 or (activation is not None and not activation.by_element):
            return None
        kernel, *bias = (value.astype(np.float64) for value in self.values)
        return Convolution(self, kernel, bias[0] if bias else None, activation)

    def linearize(
        self, inputs: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        images = self.to_channels_last(inputs)
        windows = self.windows(images.shape[1:-1], *self.geometry)
        shape = (len(images), *windows.outputs, self.filters)
        activation: Any = self._activation_argument
        after = BiasAndActivation(bias, activation, shape) if self._in_blocks(images, kernel, bias) else None
        outputs = kernels.convolve(images, kernel, windows, self.groups, after)
        slopes = None if after is None else after.slopes
        by_images = ConvolutionByInputs(kernel, windows, self.groups, images.shape, shape, slopes)
        maps = (
            by_inputs(self, by_images, inputs.shape),
            ConvolutionByKernel(images, windows, self.groups, kernel.shape, shape, slopes),
        )
        if slopes is None:
            return add_bias_and_activation(self, outputs, maps, bias)
        by_bias = () if bias is None else (BiasInBlocks(slopes, bias.shape, shape),)
        return outputs, Jacobians(*maps, *by_bias)

    def _in_blocks(self, *arrays):
        """Whether the activation works element by element, on outputs of the type that it will give."""
        activation: Any = self.activation
        if kernel_code(activation) == LINEAR or self.channels_first:
            return False
        return len({a.dtype for a in arrays if a is not None}) == 1 and activation.by_element


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
        lora_rank, lora_alpha: an adapter of low rank beside a frozen kernel, see `enable_lora`.
        activation: an activation function or its name; linear when None.
        use_bias: whether there is a bias.
        kernel_initializer: `glorot_uniform` keeps the variance of signals and gradients across layers.
        bias_initializer: zeros by default.
        kernel_regularizer, bias_regularizer: penalty added to the loss.
        kernel_constraint, bias_constraint: projection of the values after each update.

    Raises:
        ConfigError: `filters` that `groups` does not divide, or both `strides` and `dilation_rate` above 1.
        ShapeError: a window larger than the input, or channels that `groups` does not divide.

    PyTorch keeps channels first and its kernel as `(filters, channels / groups, kernel_size)`.

    >>> import numpy as np
    >>> layer = Conv1D(1, 2, kernel_initializer="ones")  # sums of neighbors
    >>> layer(np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1)).ravel().tolist()
    [3.0, 5.0, 7.0]
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

    >>> import numpy as np
    >>> Conv3D(4, 3, strides=2, padding="same")(np.ones((1, 8, 8, 8, 2))).shape
    (1, 4, 4, 4, 4)
    """

    rank = 3


Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
