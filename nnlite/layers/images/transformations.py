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
from nnlite.layers.images.boxes import moved_boxes

__all__ = []


def of_dict(self: Any, data: Mapping[str, Any], training: bool | None = True) -> dict[str, Any]:
    """Images and what belongs to them, all changed by one draw."""
    if "images" not in data:
        raise ConfigError(f"{self.label} needs the entry 'images' of a dict, got {', '.join(map(repr, data))}")
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


def get_random_transformation(self: Any, data: Any, training: bool = True, seed: Any = None) -> dict[str, Any] | None:
    """One draw of a call, for the methods `transform_images`, `transform_labels` and so on.

    Args:
        data: images, or a dict with the entry `images`; their shape becomes part of the draw. One image without an
            axis of the batch is a batch of one: its labels, masks and boxes need that axis.
        training: whether it is one of training; None is returned where nothing would be drawn.
        seed: a number, or a `SeedGenerator`, to draw from in place of the layer's.
    """
    if "random" in self._context and not training:
        return None
    shape = np.shape(data["images"] if isinstance(data, Mapping) else data)
    drawn: dict[str, Any] = {"input_shape": (1, *shape) if len(shape) == 3 else shape}
    return {**drawn, "random": seeds.drawn_source(self, seed)} if "random" in self._context else drawn


def context_of(self: Any, transformation: dict[str, Any] | None, training: bool) -> dict[str, Any]:
    """The arguments of `linearize` that tell of a draw."""
    random = (transformation or {}).get("random")
    context = {"training": training and random is not None, "random": random}
    return {name: value for name, value in context.items() if name in self._context}


def transform_images(self: Any, images: Any, transformation: dict[str, Any] | None, training: bool = True) -> Any:
    """Images, `(batch, height, width, channels)` or one without `batch`, changed by a draw."""
    if np.ndim(images) == 3:
        return self.transform_images(np.asarray(images)[None], transformation, training)[0]
    return self.linearize(cast(np.ndarray, self._as_input(images)), **context_of(self, transformation, training))[0]


def transform_segmentation_masks(
    self: Any, segmentation_masks: Any, transformation: dict[str, Any] | None, training: bool = True
) -> Any:
    """Masks changed as the images are, by the same draw; `(batch, height, width)` too."""
    if not self._moves:
        return segmentation_masks
    channel, masks = 1 if self.data_format == "channels_first" else -1, np.asarray(segmentation_masks)
    context = context_of(self, transformation, training)
    if masks.ndim == 3:  # without an axis of channels, and so they stay
        return self._of_masks(np.expand_dims(masks, channel), context).squeeze(channel)
    return self._of_masks(masks, context)


def transform_bounding_boxes(
    self: Any, bounding_boxes: Any, transformation: dict[str, Any] | None, training: bool = True
) -> Any:
    """Boxes moved as the images are, by the same draw."""
    if not self._moves or transformation is None:
        return bounding_boxes
    context = context_of(self, transformation, training)
    return moved_boxes(self, bounding_boxes, transformation["input_shape"], context)


def transform_labels(self: Any, labels: Any, transformation: dict[str, Any] | None, training: bool = True) -> Any:
    """The labels of the images that a draw produces from a batch."""
    return labels


def of_masks(self: Any, masks: np.ndarray, context: dict[str, Any]) -> np.ndarray:
    """Masks changed as the images are, by the same draw, without numbers between two of theirs."""
    twin = copy.copy(self)
    if "interpolation" in vars(self):
        twin.interpolation = cast(Any, "nearest")
    return twin.linearize(masks.astype(np.float64), **context)[0].astype(masks.dtype)


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
