"""Layers that randomly mix the images of a batch during training, together with their labels."""

from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.images.base import Chances, DataFormat, RandomImages, image_size, pair
from nnlite.ops import functions as ops
from nnlite.registry.bounds import Index, NonNegative

__all__ = ["CutMix", "MixUp"]


def drawn(self: Any, images: Any, generator: Any) -> Any:
    """A part of each image and the rest of another, as drawn by `parts_kept` of a layer."""
    return both(images, *self.parts_kept(generator, images.shape))


def transform_labels(self: Any, labels: Any, transformation: dict[str, Any] | None, training: bool = True) -> Any:
    """Labels mixed in the same proportions as the images."""
    if not training or transformation is None:
        return labels
    shape, labels = transformation["input_shape"], np.asarray(labels)
    weights, order = self.parts_kept(self._generator(transformation["random"]), (shape[0], *image_size(self, shape), 1))
    kept = weights.mean(axis=(1, 2, 3)).reshape(-1, *[1] * (labels.ndim - 1))
    return both(labels.astype(self.dtype), kept, order)


def transform_bounding_boxes(
    self: Any, bounding_boxes: Any, transformation: dict[str, Any] | None, training: bool = True
) -> Any:
    """`ConfigError`: boxes of two images are no boxes of their mixture, unless nothing is drawn."""
    if training and transformation is not None:
        raise ConfigError(f"{self.label} mixes images, so it moves no bounding boxes")
    return bounding_boxes


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

    drawn, transform_labels, transform_bounding_boxes = drawn, transform_labels, transform_bounding_boxes

    def parts_kept(self, generator: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The fraction that each pixel keeps of its image, `(images, 1, 1, 1)`, and the index of the paired image."""
        order = generator.permutation(shape[0])
        kept = generator.beta(self.alpha, self.alpha, shape[0]) if self.alpha else np.ones(shape[0])
        return kept[:, None, None, None], order

    def _of_masks(self, masks: np.ndarray, context: dict[str, Any]) -> np.ndarray:
        return self.linearize(masks.astype(self.dtype), **context)[0]  # parts of two masks are no integers


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
    drawn, transform_labels, transform_bounding_boxes = drawn, transform_labels, transform_bounding_boxes

    def parts_kept(self, generator: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """The fraction that each pixel keeps of its image, 0 or 1, and the index of the paired image."""
        count, order = shape[0], generator.permutation(shape[0])
        alphas = np.maximum(generator.uniform(*pair(self.factor), count), 1e-9)
        part = np.sqrt(1 - generator.beta(alphas, alphas)) * (alphas > 1e-9)
        inside = np.ones((count, 1, 1, 1), bool)
        for axis, length in enumerate(shape[1:3], start=1):
            middles = generator.integers(0, length, count)
            away = np.abs(np.arange(length) - middles[:, None])
            covered = away < (part * length / 2)[:, None]
            inside = inside & covered.reshape(count, *(length if axis == at else 1 for at in (1, 2)), 1)
        return 1.0 - inside, order
