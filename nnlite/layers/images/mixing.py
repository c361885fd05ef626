"""Layers that randomly mix the images of a batch during training, together with their labels."""

from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.images.base import (
    Chances,
    DataFormat,
    RandomImages,
    by_image,
    channels_moved,
    image_size,
    numbers,
    pair,
)
from nnlite.layers.images.boxes import checked_boxes
from nnlite.ops import functions as ops
from nnlite.registry.bounds import Index, NonNegative

__all__ = ["CutMix", "MixUp"]


def transform_labels(self: Any, labels: Any, transformation: Any, training: bool = True) -> Any:
    """Labels mixed in the same proportions as the images."""
    if not training or transformation is None:
        return labels
    labels = np.asarray(labels)
    kept = np.reshape(transformation["mix_weight"], (-1, *[1] * (labels.ndim - 1)))
    return both(labels.astype(self.dtype), kept, transformation["permutation_order"])


def both(rows: Any, kept: np.ndarray, order: np.ndarray) -> Any:
    """A part of each row, and the rest of the paired row."""
    weights = kept.astype(rows.dtype.type(0).real.dtype)
    return weights * rows + (1 - weights) * ops.take(rows, order, 0)


class MixUp(RandomImages):
    """During training, outputs = w * inputs + (1 - w) * other, with another image of the batch for each; labels alike.

    Labels go with their images in a call on `{"images": ..., "labels": ...}`; they are numbers, such as one-hot rows.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        alpha: w is drawn for each image from Beta(alpha, alpha); 0 mixes nothing.
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    Reference: Zhang et al. 2018, arXiv:1710.09412.

    >>> import numpy as np
    >>> images = np.arange(3.0).reshape(3, 1, 1, 1)
    >>> mixed = MixUp(1.0, seed=0)({"images": images, "labels": np.eye(3)})
    >>> bool(np.allclose(mixed["labels"] @ np.arange(3.0), mixed["images"].ravel()))
    True
    """

    alpha: NonNegative = 0.2
    data_format: DataFormat = None
    seed: Index | None = None

    _kept_kinds, _casts = "biu", True

    transform_labels = transform_labels

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        order = generator.permutation(shape[0])
        kept = generator.beta(self.alpha, self.alpha, shape[0]) if self.alpha else np.ones(shape[0])
        return {"mix_weight": numbers(self, kept), "permutation_order": order}

    def drawn(self, images: Any, draw: Any) -> Any:
        return both(images, by_image(draw["mix_weight"], images), draw["permutation_order"])

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes of an image, then those of the one that it is mixed with."""
        if not training or transformation is None:
            return bounding_boxes
        order = transformation["permutation_order"]
        parts = zip(("boxes", "labels"), checked_boxes(self, bounding_boxes), strict=True)
        both_parts = {name: np.concatenate([part, part[order]], axis=1) for name, part in parts}
        return {**bounding_boxes, **both_parts, "boxes": both_parts["boxes"].astype(np.float32)}

    def _of_masks(self, masks: np.ndarray, draw: Any) -> np.ndarray:
        return self.transformed(masks.astype(self.dtype), draw)  # parts of two masks are no integers


class CutMix(RandomImages):
    """During training, replaces a rectangle of each image by that of another image; labels are mixed by area.

    Labels go with their images in a call on `{"images": ..., "labels": ...}`; they are numbers, such as one-hot rows.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds of a, in [0, 1], drawn for each image; one number f stands for (0, f). The part of an image that
            is kept is drawn from Beta(a, a), but for what of the rectangle lies outside.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    Reference: Yun et al. 2019, arXiv:1905.04899.

    >>> import numpy as np
    >>> images = np.arange(3.0).reshape(3, 1, 1, 1) * np.ones((3, 8, 8, 1))
    >>> cut = CutMix((1.0, 1.0), seed=0)({"images": images, "labels": np.eye(3)})
    >>> bool(np.allclose(cut["labels"] @ np.arange(3.0), cut["images"].mean(axis=(1, 2, 3))))
    True
    """

    factor: Chances = 1.0
    seed: Index | None = None
    data_format: DataFormat = None

    _bounds = {"factor": pair}
    transform_labels = transform_labels

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        count, order = shape[0], generator.permutation(shape[0])
        alphas = np.maximum(generator.uniform(*pair(self.factor), count), 1e-9)
        part = np.sqrt(1 - generator.beta(alphas, alphas)) * (alphas > 1e-9)
        inside = np.ones((count, 1, 1, 1), bool)
        for axis, length in enumerate(image_size(self, shape), start=1):
            middles = generator.integers(0, length, count)
            away = np.abs(np.arange(length) - middles[:, None])
            covered = away < (part * length / 2)[:, None]
            inside = inside & covered.reshape(count, *(length if axis == at else 1 for at in (1, 2)), 1)
        kept = numbers(self, 1 - inside.mean(axis=(1, 2, 3), keepdims=True))
        masks = np.broadcast_to(channels_moved(self, inside, back=True), shape)
        return {"permutation_order": order.astype(np.int32), "batch_masks": masks, "mix_weight": kept}

    def drawn(self, images: Any, draw: Any) -> Any:
        return both(images, 1.0 - channels_moved(self, np.asarray(draw["batch_masks"])), draw["permutation_order"])

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """`ConfigError`: boxes of two images are no boxes of parts of both, unless nothing is drawn."""
        if training and transformation is not None:
            raise ConfigError(f"{self.label} mixes images, so it moves no bounding boxes")
        return bounding_boxes
