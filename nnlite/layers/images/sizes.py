"""Layers that bring images to a given size."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError
from nnlite.jacobians import Identity, Interpolate, Jacobians, Separable, Slice
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.base.simplified import Unchanged
from nnlite.layers.images.base import DataFormat, Images, RandomImages, image_axes, image_size, mixable, whole_as
from nnlite.layers.images.boxes import checked_boxes
from nnlite.ops.interpolation import resize_matrices
from nnlite.random import RandomSource
from nnlite.registry.bounds import Count, Index

__all__ = ["CenterCrop", "MaxNumBoundingBoxes", "RandomCrop", "Resizing"]

Resampling = Literal["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]


class Resizing(Images):
    """Resizes images to a given height and width. Images of integers are rounded and stay such.

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
        dtype: of the outputs, also of integers; that of inputs of integers, and of the model else, when None.

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

    _kept_kinds = "iu"

    def validate(self) -> None:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ConfigError("Resizing can crop_to_aspect_ratio or pad_to_aspect_ratio, not both")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return with_size(self, input_shape)

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        arguments = self.interpolation, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.antialias
        outputs, by_inputs = resize(self, mixable(self, inputs), *arguments)
        if self.pad_to_aspect_ratio and self.fill_value:
            rows, columns = (matrix.sum(axis=1) for matrix in by_inputs.matrices)
            padding = self.fill_value * (1 - np.outer(rows, columns))
            outputs = outputs + (padding if image_axes(self)[1] == -1 else padding[..., None])
        return whole_as(inputs, outputs), Jacobians(by_inputs)


class CenterCrop(Images):
    """Crops the center of images; smaller images are first enlarged, keeping their aspect ratio.

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

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return with_size(self, input_shape)

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        rows, columns = image_size(self, inputs.shape)
        if rows < self.height or columns < self.width:
            outputs, by_inputs = resize(self, mixable(self, inputs), crop=True)
            return whole_as(inputs, outputs), Jacobians(by_inputs)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        index = [slice(None)] * inputs.ndim
        for axis, start, length in zip(image_axes(self), (top, left), (self.height, self.width), strict=True):
            index[axis] = slice(start, start + length)
        by_inputs = Slice(tuple(index), inputs.shape, with_size(self, inputs.shape))
        return by_inputs.jvp(inputs), Jacobians(by_inputs)


class RandomCrop(RandomImages):
    """During training, crops each image at a random position; otherwise, and if it is small, resizes and crops it.

    At inference, and where an image is smaller than the part, it is resized with its shape kept, and its middle cut
    out.

    Shape: `(batch, rows, columns, channels) -> (batch, height, width, channels)`.

    Args:
        height, width: of the outputs, in pixels.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    Keras takes one place for all images of a batch.

    >>> import numpy as np
    >>> layer, image = RandomCrop(2, 2, seed=0), np.arange(16.0).reshape(1, 4, 4, 1)
    >>> layer(image, training=True).shape
    (1, 2, 2, 1)
    >>> layer(image, training=False).ravel().tolist()  # at inference the whole image, resized
    [2.5, 4.5, 10.5, 12.5]
    """

    height: Count
    width: Count
    seed: Index | None = None
    data_format: DataFormat = None

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return with_size(self, input_shape)

    def linearize(
        self, inputs: np.ndarray, training: bool = False, random: RandomSource | None = None
    ) -> tuple[np.ndarray, Jacobians]:
        if training:
            return super().linearize(inputs, training, random)
        outputs, by_inputs = resize(self, mixable(self, inputs), crop=True)
        return whole_as(inputs, outputs), Jacobians(by_inputs)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        room = np.array(image_size(self, shape)) - (self.height, self.width)
        top, left = (generator.integers(0, max(length, 0) + 1, shape[0]) for length in room)
        return {"top": top, "left": left, "input_shape": shape}

    def changed(self, inputs: Array, draw: Any) -> tuple[np.ndarray, Jacobian]:
        rows, columns = image_size(self, inputs.shape)
        if rows < self.height or columns < self.width:
            return resize(self, inputs, crop=True)
        first = (draw["top"], draw["left"]) if isinstance(draw, Mapping) else draw
        top, left = (np.broadcast_to(start, len(inputs))[:, None] for start in first)
        down, right = np.indices((self.height, self.width)).reshape(2, -1)
        pixels = ((top + down) * columns + left + right)[None]
        weights = np.ones(pixels.shape, inputs.real.dtype)
        by_inputs = Interpolate(
            pixels, weights, inputs.shape, with_size(self, inputs.shape), self.data_format == "channels_first"
        )
        return by_inputs.jvp(inputs), by_inputs


class MaxNumBoundingBoxes(Images):
    """Gives all images of a dict the same number of bounding boxes; images, labels and masks stay.

    What is beyond `max_number` is cut off; what lacks is filled up, boxes and their labels, with `fill_value`.

    Shape: `(batch, height, width, channels)`, unchanged; `boxes`, `(batch, n, 4) -> (batch, max_number, 4)`.

    Args:
        max_number: of the boxes of an image.
        fill_value: of the entries of missing boxes, and of their labels.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> boxes = {"boxes": np.array([[[0.0, 0.0, 2.0, 3.0]]]), "labels": np.array([[5]])}
    >>> data = {"images": np.zeros((1, 4, 4, 3)), "bounding_boxes": boxes}
    >>> MaxNumBoundingBoxes(2, bounding_box_format="xyxy")(data)["bounding_boxes"]["boxes"].tolist()
    [[[0.0, 0.0, 2.0, 3.0], [-1.0, -1.0, -1.0, -1.0]]]
    """

    max_number: Count
    fill_value: int = -1
    data_format: DataFormat = None

    _moves = False

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return inputs, Jacobians(Identity(inputs.shape))

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        boxes, labels = checked_boxes(self, bounding_boxes)
        more = [(0, 0), (0, max(self.max_number - labels.shape[1], 0))]
        filled = [
            np.pad(part, [*more, (0, 0)][: part.ndim], constant_values=self.fill_value)[:, : self.max_number]
            for part in (boxes.astype(np.float32), labels)
        ]
        return {**bounding_boxes, "boxes": filled[0], "labels": filled[1]}


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
    """`inputs` resized to the layer's height and width, and the map."""
    size, target = image_size(layer, inputs.shape), (layer.height, layer.width)
    matrices = resize_matrices(size, target, interpolation, crop, pad, antialias)
    matrices = tuple(matrix.astype(inputs.real.dtype, copy=False) for matrix in matrices)
    by_inputs = Separable(matrices, image_axes(layer), inputs.shape, with_size(layer, inputs.shape))
    return by_inputs.jvp(inputs), by_inputs
