"""Base of layers over one, two or three spatial axes."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import numpy as np

from nnlite import kernels
from nnlite.arrays.windows import Windows, place_windows, window_count
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers.blank import allowance
from nnlite.jacobians import Broadcast, Composed, Jacobian, Jacobians, Rearrange
from nnlite.kernels.reference.dense import RELU
from nnlite.layers.base.contract.input_spec import Described, InputSpec
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.registry.bounds import Count
from nnlite.registry.fields import Converted

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer as Host
else:
    Host = object

__all__ = []

CountOrCounts = Count | tuple[Count, ...]  # one number for all spatial axes, or one for each
Sizes = Converted[int | Sequence[int], CountOrCounts]
OptionalSizes = Converted[int | Sequence[int] | None, CountOrCounts | None]
SIZES = {"kernel_size", "strides", "dilation_rate", "pool_size", "size", "output_size", "output_padding"}
NAMES = {1: "steps", 2: "rows, cols", 3: "depth, rows, cols"}


class Spatial(Host):
    """Arguments and shapes of a layer over `rank` spatial axes, which come before or after the channels."""

    rank: ClassVar[int]
    window_arguments: ClassVar[tuple[str, ...]] = ("kernel_size", "strides", "dilation_rate")
    data_format = cast(
        'Literal["channels_last", "channels_first"] | None', None
    )  # not a field: each layer has a field of its own instead
    _fixes = "rank"
    input_spec = Described(lambda layer: InputSpec(ndim=layer.rank + 2))

    @property
    def _fixed_axis(self) -> int:
        """Axis of the channels."""
        return 1 if self.channels_first else -1

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep one size for all spatial axes as one for each, as Keras does."""
        one = name == "size" and self.rank == 1  # how often steps are repeated
        super().__setattr__(name, (value,) * self.rank if name in SIZES and type(value) is int and not one else value)

    def _arguments(self) -> dict[str, Any]:
        """Sizes that are the same for all axes as one number, as they may be given."""
        return sizes_as_given(super()._arguments())

    def build(self, input_shape: tuple) -> None:
        """For a layer without parameters: refuse inputs of another rank, or that leave no outputs."""
        self.check_rank(input_shape)
        self.compute_output_shape(input_shape)

    def _keras_arguments(self) -> dict[str, Any]:
        """As the base class, with one number for each axis."""
        return sizes_of_axes(super()._keras_arguments(), self.rank)

    def per_axis(self, name: str) -> tuple[int, ...]:
        """The argument `name` as one number for each spatial axis."""
        value = getattr(self, name)
        return (value,) * self.rank if isinstance(value, int) else value

    def check_lengths(self, *names: str) -> None:
        """`ConfigError` unless each of these arguments is one number, or one for each spatial axis."""
        for name in names:
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != self.rank:
                raise ConfigError(
                    f"expected an integer or {self.rank} of them, got {value!r}", (type(self).__name__, name)
                )

    @property
    def channels_first(self) -> bool:
        """Whether the channels come before the spatial axes."""
        return self.data_format == "channels_first"

    @property
    def first_axis(self) -> int:
        """First spatial axis."""
        return 2 if self.channels_first else 1

    @property
    def trailing(self) -> int:
        """Number of axes after the spatial ones."""
        return 0 if self.channels_first else 1

    @property
    def from_right(self) -> tuple[int, ...]:
        """The spatial axes, counted from the right."""
        return tuple(range(-self.rank - self.trailing, -self.trailing))

    def spatial(self, shape: tuple) -> tuple:
        """The spatial lengths of a shape."""
        return tuple(shape[self.first_axis : self.first_axis + self.rank])

    def with_spatial(self, shape: tuple, lengths: Iterable[int | None]) -> tuple:
        """`shape` with other spatial lengths."""
        return (*shape[: self.first_axis], *lengths, *shape[self.first_axis + self.rank :])

    def check_rank(self, input_shape: tuple) -> None:
        """`ShapeError` unless there are a batch, `rank` spatial axes and channels."""
        if len(input_shape) != self.rank + 2:
            names = NAMES[self.rank]
            wanted = f"batch, channels, {names}" if self.channels_first else f"batch, {names}, channels"
            raise ShapeError(f"{self.label} needs inputs of shape ({wanted}), got {tuple(input_shape)}")

    if TYPE_CHECKING:  # a field of every layer that this is mixed into
        padding = cast(str, "")

    def channels_of(self, input_shape: tuple) -> int:
        """The number of channels; `ShapeError` if it is unknown or the rank is wrong."""
        self.check_rank(input_shape)
        channels = input_shape[1 if self.channels_first else -1]
        if channels is None:
            raise ShapeError(f"{self.label} needs a known number of channels, got {tuple(input_shape)}")
        return channels

    def output_shape_of(self, input_shape: tuple, lengths: tuple, filters: int) -> tuple:
        """The output shape for these spatial lengths and channels."""
        return (input_shape[0], filters, *lengths) if self.channels_first else (input_shape[0], *lengths, filters)

    def to_channels_last(self, inputs: np.ndarray) -> np.ndarray:
        """The inputs with channels last."""
        return np.moveaxis(inputs, 1, -1) if self.channels_first else inputs

    @property
    def geometry(self) -> tuple[tuple[int, ...], ...]:
        """Sizes, strides and dilation of the windows along each axis."""
        return tuple(map(self.per_axis, self.window_arguments))

    def check_fit(self, lengths: tuple, size: tuple[int, ...], dilation: tuple[int, ...] | None = None) -> None:
        """`ShapeError` if a window without padding is larger than the input."""
        reach = [(side - 1) * step + 1 for side, step in zip(size, dilation or (1,) * self.rank, strict=True)]
        if any(length is not None and length < side for length, side in zip(lengths, reach, strict=True)):
            raise ShapeError(
                f"{self.label} needs at least {tuple(reach)} cells, what its window covers, got {tuple(lengths)}: "
                f"make the window smaller or use padding='same'"
            )

    def check_cells(self, lengths: tuple) -> None:
        """`ShapeError` for inputs of no cell at all."""
        if 0 in lengths:
            raise ShapeError(f"{self.label} needs at least one cell along each axis, got {tuple(lengths)}")

    def windows(
        self,
        lengths: tuple[int, ...],
        size: tuple[int, ...],
        strides: tuple[int, ...],
        dilation: tuple[int, ...] | None = None,
    ) -> Windows:
        """Positions of the windows over an input of `lengths`."""
        if self.padding == "valid":
            self.check_fit(lengths, size, dilation)
        else:
            self.check_cells(lengths)
        return self.allowed(place_windows(lengths, size, strides, self.padding, dilation))

    def allowed(self, windows: Windows) -> Windows:
        """The windows; `TooManyError` if they reach far outside the inputs of a model that is read from a file."""
        room = allowance()
        if room is not None:
            channels = self.input_shape[self._fixed_axis] or 1
            padded, count = (channels * math.prod(cells) for cells in (windows.needed, windows.inputs))
            room.check_padding(padded, count, self.label)
        return windows

    def window_counts(
        self,
        lengths: tuple,
        size: tuple[int, ...],
        strides: tuple[int, ...],
        dilation: tuple[int, ...] | None = None,
    ) -> tuple[int | None, ...]:
        """Number of windows along each axis; None for an unknown length."""
        if self.padding == "valid":
            self.check_fit(lengths, size, dilation)
        else:
            self.check_cells(lengths)
        axes = zip(lengths, size, strides, dilation or (1,) * self.rank, strict=True)
        return tuple(window_count(*axis, self.padding) for axis in axes)

    def _check_linearize(self) -> None:
        """As the base class; an input of unknown length cannot be tried."""
        if None not in self.input_shape[1:]:
            super()._check_linearize()


def sizes_of_axes(arguments: dict[str, Any], rank: int) -> dict[str, Any]:
    """The arguments with one number for each axis, as in Keras's configs."""
    sizes = {name: arguments[name] for name in SIZES & arguments.keys()}
    alike = {name for name in sizes if isinstance(sizes[name], int) and (name, rank) != ("size", 1)}
    return arguments | {name: (sizes[name],) * rank for name in alike}


def sizes_as_given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with sizes that are the same for all axes as one number, as they may be given."""
    sizes = {name: value for name, value in arguments.items() if name in SIZES and isinstance(value, tuple)}
    return arguments | {name: value[0] for name, value in sizes.items() if set(value) == {value[0]}}


def check_windows(layer: Any) -> None:
    """`ConfigError` unless the window arguments of a convolution fit its axes and each other."""
    layer.check_lengths(*layer.window_arguments)
    if max(layer.per_axis("strides")) > 1 and max(layer.per_axis("dilation_rate")) > 1:
        raise ConfigError(
            f"{type(layer).__name__} takes strides > 1 or dilation_rate > 1, not both, "
            f"got strides={layer.strides}, dilation_rate={layer.dilation_rate}"
        )


def add_bias(layer: Any, filters: int) -> None:
    """Create the bias if the layer uses one; its attribute `bias` is None otherwise."""
    layer.bias = None
    if layer.use_bias:
        layer.bias = layer.add_weight(
            (filters,),
            layer.bias_initializer,
            regularizer=layer.bias_regularizer,
            constraint=layer.bias_constraint,
            name="bias",
        )


def by_inputs(layer: Any, part: Jacobian, shape: tuple[int, ...]) -> Jacobian:
    """The map with respect to inputs of `shape`, from `part`, the map for channels last."""
    if not layer.channels_first:
        return part
    return Composed(part, Rearrange(shape, part.in_shape, (0, *range(2, len(shape)), 1)))


def add_bias_and_activation(
    layer: Any, outputs: np.ndarray, maps: tuple[Jacobian, ...], bias: np.ndarray | None = None
) -> tuple[np.ndarray, Jacobians]:
    """Apply bias and activation to `outputs` in place, and move the channel axis.

    Args:
        layer: the layer whose channel axis and activation they are.
        outputs: with channels last.
        maps: of `outputs` with respect to the inputs and the kernel.
        bias: of the channels, or None.
    """
    if bias is not None:
        maps = (*maps, Broadcast(bias.shape, outputs.shape))
        outputs = outputs + bias if outputs.dtype != bias.dtype else np.add(outputs, bias, out=outputs)
    outer: list[Jacobian] = []
    if layer.channels_first:
        order = (0, outputs.ndim - 1, *range(1, outputs.ndim - 1))
        outer.append(Rearrange(outputs.shape, tuple(outputs.shape[axis] for axis in order), order))
        outputs = outputs.transpose(order)
    if layer._activation_argument is not None:
        outputs, (activated,) = layer.activation.linearize(outputs)
        outer.insert(0, activated)
    return outputs, Jacobians(*maps, outer=Composed(*outer) if outer[1:] else next(iter(outer), None))


class BiasAndActivation:
    """Bias and elementwise activation, block by block, while outputs are in the cache.

    Args:
        shape: of all outputs.
    """

    def __init__(self, bias: np.ndarray | None, activation: ActivationFunction, shape: tuple[int, ...]) -> None:
        self.bias = bias
        self.activation = activation
        self.shape = shape
        self.slopes = None

    def __call__(self, block: np.ndarray, block_index: Any) -> None:
        if kernel_code(self.activation) == RELU and block.dtype.kind == "f":
            self._keep(kernels.bias_relu(block, self.bias), block_index)
            return
        if self.bias is not None:
            block += self.bias
        block[...], (part,) = self.activation.linearize(block)
        self._keep(part.slopes, block_index)

    def _keep(self, slopes, block_index):
        if self.slopes is None:
            self.slopes = np.empty(self.shape, slopes.dtype)
        self.slopes[block_index] = slopes
