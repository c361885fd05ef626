"""Layers that bring images to a size, and what all layers of images share."""

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Identity, Jacobians, Separable, Slice
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import Unchanged
from nnlite.ops.interpolation import resize_matrices
from nnlite.registry.bounds import Count

__all__ = ["CenterCrop", "RandomImages", "Resizing"]

DataFormat = Literal["channels_last", "channels_first"] | None
Factor = float | tuple[float, float]
Resampling = Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]


class Resizing(Layer):
    """Images of another height and width.

    Pixels are squares: the center of new pixel i lies at `(i + 0.5) * old / new - 0.5` old pixels. Without `antialias`
    nothing is smoothed when images become smaller.

    Shape: `(batch, rows, columns, channels) -> (batch, height, width, channels)`.

    Args:
        height, width: of the outputs, in pixels.
        interpolation: how old pixels are mixed.
        crop_to_aspect_ratio: keep the shape of things, by cutting off what is too much on the long side.
        pad_to_aspect_ratio: keep the shape of things, by padding the short side.
        fill_mode: of the padding.
        fill_value: of the padding.
        antialias: whether a pixel of a smaller image mixes all that it covers; `"nearest"` does not.
        data_format: `channels_last`, the default, or `channels_first`.

    PyTorch's `interpolate` is the same for `bilinear` with `align_corners=False`, and for `nearest-exact`; its
    bicubic has a = -0.75, this one -0.5.

    Reference: Keys 1981, "Cubic convolution interpolation for digital image processing".

    >>> import numpy as np
    >>> Resizing(1, 4)(np.array([0.0, 4.0]).reshape(1, 1, 2, 1)).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    height: Count
    width: Count
    interpolation: Resampling = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: Literal["constant"] = "constant"
    fill_value: float = 0.0
    antialias: bool = False
    data_format: DataFormat = None

    def validate(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ConfigError("Resizing can crop_to_aspect_ratio or pad_to_aspect_ratio, not both")

    def build(self, input_shape: BatchShape) -> None:
        check_images(self, input_shape)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return with_size(self, input_shape)

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        arguments = self.interpolation, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.antialias
        outputs, by_inputs = resize(self, inputs, *arguments)
        if self.pad_to_aspect_ratio and self.fill_value:
            rows, columns = (matrix.sum(axis=1) for matrix in by_inputs.matrices)
            padding = self.fill_value * (1 - np.outer(rows, columns))
            outputs = outputs + (padding if image_axes(self)[1] == -1 else padding[..., None])
        return outputs, Jacobians(by_inputs)


class CenterCrop(Layer):
    """The middle of images; those that are smaller than it are first enlarged, their shape kept.

    Shape: `(batch, rows, columns, channels) -> (batch, height, width, channels)`.

    Args:
        height, width: of the outputs, in pixels.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> CenterCrop(2, 2)(np.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
    [5.0, 6.0, 9.0, 10.0]
    """

    height: Count
    width: Count
    data_format: DataFormat = None

    def build(self, input_shape: BatchShape) -> None:
        check_images(self, input_shape)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return with_size(self, input_shape)

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        rows, columns = image_size(self, inputs.shape)
        if rows < self.height or columns < self.width:
            outputs, by_inputs = resize(self, inputs, crop=True)
            return outputs, Jacobians(by_inputs)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        index = [slice(None)] * inputs.ndim
        for axis, start, length in zip(image_axes(self), (top, left), (self.height, self.width), strict=True):
            index[axis] = slice(start, start + length)
        by_inputs = Slice(tuple(index), inputs.shape, with_size(self, inputs.shape))
        return by_inputs.jvp(inputs), Jacobians(by_inputs)


class RandomImages(Layer, abstract=True):
    """Base of the layers here: outputs = inputs but while training, when `changed` is asked.

    The draw of a training step depends on the model's seed, the layer's place and the step alone.
    """

    data_format = cast(DataFormat, None)

    if TYPE_CHECKING:  # a field of the subclasses
        seed = cast("int | None", None)

    def build(self, input_shape: BatchShape) -> None:
        check_images(self, input_shape)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Unchanged | None:
        return Unchanged()

    def linearize(self, inputs: np.ndarray, training: bool = False, random: Any = None) -> tuple[np.ndarray, Jacobians]:
        if not training:
            return inputs, Jacobians(Identity(inputs.shape))
        outputs, by_inputs = self.changed(inputs, random.seeded(self.seed).generator("images"))
        return outputs, Jacobians(by_inputs)

    def changed(self, inputs: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, Jacobian]:
        """The outputs while training, and the map with respect to the inputs."""
        raise NotImplementedError


def image_axes(layer: Any) -> tuple[int, int]:
    """The axes of height and width, counted from the right."""
    return (-2, -1) if layer.data_format == "channels_first" else (-3, -2)


def image_size(layer: Any, shape: tuple) -> tuple[int, int]:
    """Height and width."""
    return tuple(shape[axis] for axis in image_axes(layer))


def check_images(layer: Any, input_shape: BatchShape) -> None:
    """`ShapeError` unless `input_shape` is that of images of known height and width."""
    if len(input_shape) != 4 or None in image_size(layer, input_shape):
        axes = "channels, height, width" if layer.data_format == "channels_first" else "height, width, channels"
        raise ShapeError(f"{layer.label} needs images of a known size, shape (batch, {axes}), got {input_shape}")


def with_size(layer: Any, shape: tuple) -> tuple:
    """`shape` with the layer's height and width."""
    lengths = list(shape)
    for axis, length in zip(image_axes(layer), (layer.height, layer.width), strict=True):
        lengths[axis] = length
    return tuple(lengths)


def resize(
    layer: Any,
    inputs: Array,
    interpolation: str = "bilinear",
    crop: bool = False,
    pad: bool = False,
    antialias: bool = False,
) -> tuple[np.ndarray, Separable]:
    """`inputs` of the layer's height and width, and the map that made them."""
    size, target = image_size(layer, inputs.shape), (layer.height, layer.width)
    matrices = resize_matrices(size, target, interpolation, crop, pad, antialias)
    matrices = tuple(matrix.astype(inputs.real.dtype, copy=False) for matrix in matrices)
    by_inputs = Separable(matrices, image_axes(layer), inputs.shape, with_size(layer, inputs.shape))
    return by_inputs.jvp(inputs), by_inputs


def checked_bounds(layer: Any, name: str) -> tuple[float, float]:
    """The bounds that a factor stands for; `ConfigError` unless they lie in [-1, 1]."""
    factor = getattr(layer, name)
    bounds = (-abs(factor), abs(factor)) if isinstance(factor, float) else tuple(sorted(factor))
    if not -1 <= bounds[0] <= bounds[1] <= 1:
        raise ConfigError(f"{type(layer).__name__}: {name} must lie in [-1, 1], got {factor}")
    return bounds
