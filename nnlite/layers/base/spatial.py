"""What the layers over one, two or three spatial axes share."""

from collections.abc import Sequence

import numpy as np

from nnlite.arrays.windows import place_windows, window_count
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Broadcast, Composed, Jacobians, Rearrange
from nnlite.registry.field_types import Count
from nnlite.registry.fields import Converted

__all__ = []

CountOrCounts = Count | tuple[Count, ...]  # one number for all spatial axes, or one for each
Sizes = Converted[int | Sequence[int], CountOrCounts]
OptionalSizes = Converted[int | Sequence[int] | None, CountOrCounts | None]
NAMES = {1: "steps", 2: "rows, cols", 3: "depth, rows, cols"}


class Spatial:
    """Arguments and shapes of a layer over `rank` spatial axes, which stand before or after the channels."""

    rank = None
    data_format = None

    def per_axis(self, name) -> tuple[int, ...]:
        """The argument `name` as one number for each spatial axis."""
        value = getattr(self, name)
        return (value,) * self.rank if isinstance(value, int) else value

    def check_lengths(self, *names) -> None:
        """`ConfigError` unless each of these arguments is one number, or one for each spatial axis."""
        for name in names:
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != self.rank:
                raise ConfigError(
                    f"expected a whole number or {self.rank} of them, got {value!r}", (type(self).__name__, name)
                )

    @property
    def channels_first(self) -> bool:
        """Whether the channels stand before the spatial axes."""
        return self.data_format == "channels_first"

    @property
    def first_axis(self) -> int:
        """Where the spatial axes begin."""
        return 2 if self.channels_first else 1

    @property
    def trailing(self) -> int:
        """Number of axes after the spatial ones."""
        return 0 if self.channels_first else 1

    @property
    def from_right(self) -> tuple[int, ...]:
        """The spatial axes, counted from the right."""
        return tuple(range(-self.rank - self.trailing, -self.trailing))

    def spatial(self, shape) -> tuple:
        """The spatial lengths of a shape."""
        return tuple(shape[self.first_axis : self.first_axis + self.rank])

    def with_spatial(self, shape, lengths) -> tuple:
        """`shape` with other spatial lengths."""
        return (*shape[: self.first_axis], *lengths, *shape[self.first_axis + self.rank :])

    def check_rank(self, input_shape) -> None:
        """`ShapeError` unless there are a batch, `rank` spatial axes and channels."""
        if len(input_shape) != self.rank + 2:
            names = NAMES[self.rank]
            wanted = f"batch, channels, {names}" if self.channels_first else f"batch, {names}, channels"
            raise ShapeError(f"{self.label} needs inputs of shape ({wanted}), got {tuple(input_shape)}")

    def check_fit(self, lengths, size, dilation=None) -> None:
        """`ShapeError` where a window without padding is larger than the input."""
        reach = [(own - 1) * step + 1 for own, step in zip(size, dilation or (1,) * self.rank, strict=True)]
        if any(length is not None and length < own for length, own in zip(lengths, reach, strict=True)):
            raise ShapeError(
                f"{self.label} needs at least {tuple(reach)} cells, what its window covers, got {tuple(lengths)}: "
                f"make the window smaller or use padding='same'"
            )

    def windows(self, lengths, size, strides, dilation=None):
        """Where the windows lie over an input of `lengths`."""
        if self.padding == "valid":
            self.check_fit(lengths, size, dilation)
        return place_windows(lengths, size, strides, self.padding, dilation)

    def window_counts(self, lengths, size, strides, dilation=None) -> tuple:
        """Number of windows along each axis; None for an unknown length."""
        if self.padding == "valid":
            self.check_fit(lengths, size, dilation)
        axes = zip(lengths, size, strides, dilation or (1,) * self.rank, strict=True)
        return tuple(window_count(*axis, self.padding) for axis in axes)

    def _check_linearize(self):
        """As the base class; an input of unknown length cannot be tried."""
        if None not in self.input_shape[1:]:
            super()._check_linearize()


class Convolving(Spatial):
    """What convolutions share: the channels, the bias and the activation."""

    ends_in_activation = True

    @property
    def geometry(self) -> tuple:
        """Sizes, strides and dilation of the windows along each axis."""
        return tuple(map(self.per_axis, ("kernel_size", "strides", "dilation_rate")))

    def validate(self):
        self.check_lengths("kernel_size", "strides", "dilation_rate")
        if max(self.per_axis("strides")) > 1 and max(self.per_axis("dilation_rate")) > 1:
            raise ConfigError(
                f"{type(self).__name__} takes strides > 1 or dilation_rate > 1, not both, "
                f"got strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    def channels_of(self, input_shape) -> int:
        """The number of channels; `ShapeError` when unknown or of the wrong rank."""
        self.check_rank(input_shape)
        channels = input_shape[1 if self.channels_first else -1]
        if channels is None:
            raise ShapeError(f"{self.label} needs a known number of channels, got {tuple(input_shape)}")
        return channels

    def add_bias(self, filters) -> None:
        """Declare the bias when the layer uses one."""
        if self.use_bias:
            self.bias = self.add_weight(
                (filters,), self.bias_initializer, regularizer=self.bias_regularizer, name="bias"
            )

    def output_shape_of(self, input_shape, lengths, filters) -> tuple:
        """The output shape for these spatial lengths and channels."""
        return (input_shape[0], filters, *lengths) if self.channels_first else (input_shape[0], *lengths, filters)

    def to_channels_last(self, inputs):
        """The inputs with channels last."""
        return np.moveaxis(inputs, 1, -1) if self.channels_first else inputs

    def by_inputs(self, part, shape):
        """The map by inputs of `shape`, for `part`, the one by the inputs with channels last."""
        if not self.channels_first:
            return part
        return Composed(part, Rearrange(shape, part.in_shape, (0, *range(2, len(shape)), 1)))

    def finish(self, outputs, maps, bias=None):
        """Bias, the channels' own place and the activation after `outputs`, which may be written to.

        Args:
            outputs: with channels last.
            maps: of `outputs` by the inputs and the kernel.
        """
        if bias is not None:
            maps = (*maps, Broadcast(bias.shape, outputs.shape))
            outputs = outputs + bias if outputs.dtype != bias.dtype else np.add(outputs, bias, out=outputs)
        outer = []
        if self.channels_first:
            order = (0, outputs.ndim - 1, *range(1, outputs.ndim - 1))
            outer.append(Rearrange(outputs.shape, tuple(outputs.shape[axis] for axis in order), order))
            outputs = outputs.transpose(order)
        if self.activation is not None:
            outputs, (activated,) = self.activation.linearize(outputs)
            outer.insert(0, activated)
        return outputs, Jacobians(*maps, outer=Composed(*outer) if outer[1:] else next(iter(outer), None))


class BiasAndActivation:
    """Bias and elementwise activation of one block of outputs after another, each while it is in the cache.

    Args:
        shape: of all outputs.
    """

    def __init__(self, bias, activation, shape):
        self.bias = bias
        self.activation = activation
        self.shape = shape
        self.slopes = None

    def __call__(self, block, place):
        if self.bias is not None:
            block += self.bias
        block[...], (part,) = self.activation.linearize(block)
        if self.slopes is None:
            self.slopes = np.empty(self.shape, part.slopes.dtype)
        self.slopes[place] = part.slopes
