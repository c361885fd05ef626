"""Rows that are images: detection, and their pixels."""

import math

import numpy as np

from nnlite.layers import Input
from nnlite.report.evidence.subject import Subject

__all__ = ["image_shape", "pixels", "smaller"]

SMALLEST_SIDE = 6
CHANNELS = (1, 3, 4)
LONGEST_SIDE = 64  # of a picture in a report


def image_shape(subject: Subject) -> tuple[int, int, int] | None:
    """`(height, width, channels)` of each input row, if it is an image; None otherwise.

    It is one if the model, or an early layer that only brings rows into another shape or scale, gives rows of
    `(height, width, channels)` with 1, 3 or 4 channels and as many numbers; or if rows without the names of columns
    hold integers from 0 to 255 and are square (`64` is 8 x 8).
    """
    shape, size = subject.model.input_shape[1:], math.prod(subject.model.input_shape[1:])
    if subject.encoded_columns is not None or subject.model.input_kind == "strings":
        return None
    early = [layer.output_shape[1:] for layer in subject.model.layers if not isinstance(layer, Input)][:3]
    for candidate in (shape, *map(tuple, early)):
        if (
            len(candidate) == 3
            and candidate[2] in CHANNELS
            and math.prod(candidate) == size
            and min(candidate[:2]) >= SMALLEST_SIDE
        ):
            return candidate[0], candidate[1], candidate[2]
    return _square(subject.arrays(subject.part)[0], shape)


def _square(x: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    side = math.isqrt(math.prod(shape))
    square = shape in ((side, side), (side * side,)) and side >= SMALLEST_SIDE
    first = x[:500]
    whole = square and bool(((first == np.floor(first)) & (first >= 0) & (first <= 255)).all())
    return (side, side, 1) if whole else None


def smaller(image: np.ndarray) -> np.ndarray:
    """The image with no side longer than 64: means of square blocks, incomplete ones left out.

    Shape: (height, width, channels) to (fewer, fewer, channels).
    """
    block = math.ceil(max(image.shape[:2]) / LONGEST_SIDE)
    height, width = (side // block * block for side in image.shape[:2])
    blocks = np.asarray(image[:height, :width], np.float64)
    return blocks.reshape(height // block, block, width // block, block, -1).mean(axis=(1, 3))


def pixels(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Numbers from `low` to `high` as uint8 from 0 to 255."""
    share = (np.asarray(image, np.float64) - low) / ((high - low) or 1.0)
    return np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)
