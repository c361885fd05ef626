"""Images and what belongs to them, changed by one draw: labels, masks and bounding boxes.

The functions are methods of layers of images, and those of Keras: `get_random_transformation` draws, the others take
what it returns.
"""

import copy
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.base.variables import seeds
from nnlite.layers.images.boxes import FORMATS, moved_boxes
from nnlite.random import RandomSource

__all__ = []


def of_dict(self: Any, data: Mapping[str, Any], training: bool | None = True) -> dict[str, Any]:
    """Images and what belongs to them, all changed by one draw."""
    if "images" not in data:
        raise ConfigError(f"{self.label} needs the entry 'images' of a dict, got {', '.join(map(repr, data))}")
    if "bounding_boxes" in data and self.bounding_box_format is None:
        raise ConfigError(f"{self.label} needs bounding_box_format for bounding boxes, one of {', '.join(FORMATS)}")
    single = np.ndim(data["images"]) == 3
    batches = {name: _as_batch(part) if single else part for name, part in data.items()}
    drawn = self.get_random_transformation(batches, bool(training))
    changes = {
        "images": self.transform_images,
        "segmentation_masks": self.transform_segmentation_masks,
        "bounding_boxes": self.transform_bounding_boxes,
        "labels": self.transform_labels,
    }
    result = {
        name: changes[name](part, drawn, bool(training)) if name in changes else part for name, part in batches.items()
    }
    return {name: _one_of(part) for name, part in result.items()} if single else result


def get_random_transformation(self: Any, data: Any, training: bool = True, seed: Any = None) -> Any:
    """One draw of a call, for the methods `transform_images`, `transform_labels` and so on.

    It has the keys that Keras uses, such as `{"flips": ..., "input_shape": ...}`, and may be written by hand.

    Args:
        data: images, or a dict with the entry `images`; their shape becomes part of the draw. One image without an
            axis of the batch is a batch of one: its labels, masks and boxes need that axis.
        training: whether it is one of training; None is returned where nothing would be drawn.
        seed: a number, a `SeedGenerator` or a `RandomSource`, to draw from in place of the layer's.
    """
    if "random" in self._context and not training:
        return None
    shape = np.shape(data["images"] if isinstance(data, Mapping) else data)
    shape = (1, *shape) if len(shape) == 3 else shape
    if "random" not in self._context:
        return self.draws(shape, None)
    source = seed if isinstance(seed, RandomSource) else seeds.drawn_source(self, seed)
    return self.draws(shape, source.seeded(self.seed).generator("images"))


def transform_images(self: Any, images: Any, transformation: Any, training: bool = True) -> Any:
    """Images, `(batch, height, width, channels)` or one without `batch`, changed by a draw."""
    if np.ndim(images) == 3:
        return self.transform_images(np.asarray(images)[None], transformation, training)[0]
    outputs = self.transformed(cast(np.ndarray, self._as_input(images)), transformation if training else None)
    return self._as_returned(outputs)


def transform_segmentation_masks(self: Any, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
    """Masks changed as the images are, by the same draw; `(batch, height, width)` too."""
    if not self._moves:
        return segmentation_masks
    channel, masks = 1 if self.data_format == "channels_first" else -1, np.asarray(segmentation_masks)
    draw = transformation if training else None
    if masks.ndim == 3:  # without an axis of channels, and so they stay
        return self._of_masks(np.expand_dims(masks, channel), draw).squeeze(channel)
    return self._of_masks(masks, draw)


def transform_bounding_boxes(self: Any, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
    """Boxes moved as the images are, by the same draw."""
    if not self._moves or transformation is None:
        return bounding_boxes
    return moved_boxes(self, bounding_boxes, self._shape_of(transformation), transformation if training else None)


def transform_labels(self: Any, labels: Any, transformation: Any, training: bool = True) -> Any:
    """The labels of the images that a draw produces from a batch."""
    return labels


def transform_single_image(self: Any, image: Any, transformation: Any, training: bool = True) -> Any:
    """One image, `(height, width, channels)`, changed by a draw for a batch of one."""
    return _one_of(self.transform_images(_as_batch(image), transformation, training))


def transform_single_label(self: Any, label: Any, transformation: Any, training: bool = True) -> Any:
    """The label of one image, by a draw for a batch of one."""
    return _one_of(self.transform_labels(_as_batch(label), transformation, training))


def transform_single_segmentation_mask(
    self: Any, segmentation_mask: Any, transformation: Any, training: bool = True
) -> Any:
    """The mask of one image, by a draw for a batch of one."""
    return _one_of(self.transform_segmentation_masks(_as_batch(segmentation_mask), transformation, training))


def transform_single_bounding_box(self: Any, bounding_box: Any, transformation: Any, training: bool = True) -> Any:
    """The boxes of one image, `boxes` `(boxes, 4)` and `labels` `(boxes,)`, by a draw for a batch of one."""
    return _one_of(self.transform_bounding_boxes(_as_batch(bounding_box), transformation, training))


def shape_of(self: Any, transformation: Any) -> tuple[int, ...]:
    """The shape of the images that a draw is for."""
    if not isinstance(transformation, Mapping):
        raise ConfigError(
            f"{self.label} needs a draw with the shape of its images, {{'input_shape': ...}}, to move boxes"
        )
    if "input_shape" in transformation:
        return transformation["input_shape"]
    count, *size = (transformation[name] for name in ("batch_size", "image_height", "image_width"))
    return (count, 1, *size) if self.data_format == "channels_first" else (count, *size, 1)


def of_masks(self: Any, masks: np.ndarray, draw: Any) -> np.ndarray:
    """Masks changed as the images are, by the same draw, without numbers between two of theirs."""
    twin = copy.copy(self)
    if "interpolation" in vars(self):
        twin.interpolation = cast(Any, "nearest")
    return twin.transformed(masks.astype(np.float64), draw).astype(masks.dtype)


def _as_batch(part: Any) -> Any:
    """Data of a single image, or each entry of a dict of them, with an axis for the batch."""
    return (
        {name: np.asarray(item)[None] for name, item in part.items()}
        if isinstance(part, Mapping)
        else np.asarray(part)[None]
    )


def _one_of(part: Any) -> Any:
    """The inverse of `_as_batch`."""
    return {name: item[0] for name, item in part.items()} if isinstance(part, Mapping) else part[0]
