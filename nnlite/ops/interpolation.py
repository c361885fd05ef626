"""Interpolation weights for resizing, rotating and shifting images."""

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

__all__ = ["affine_places", "resize_matrices", "resized", "taps"]


def resize_window(
    size: tuple[int, int], target: tuple[int, int], crop: bool = False, pad: bool = False
) -> list[tuple[int, int]]:
    """The `(start, length)` along height and width of the resized region: the image, or a box of the target's shape.

    Args:
        size: height and width of the image.
        target: height and width that it is brought to.
        crop: take the largest box inside the image; its start is >= 0.
        pad: take the smallest box around the image; its start is <= 0.
    """
    if not crop and not pad:
        return [(0, length) for length in size]
    lengths = [
        int(other * length / opposite) for other, length, opposite in zip(size[::-1], target, target[::-1], strict=True)
    ]
    if crop:
        lengths = [max(min(length, wanted), 1) for length, wanted in zip(size, lengths, strict=True)]
    else:
        lengths = [max(length, wanted) for length, wanted in zip(size, lengths, strict=True)]
    return [(int((length - wanted) / 2), wanted) for length, wanted in zip(size, lengths, strict=True)]


def resize_matrices(
    size: tuple[int, int],
    target: tuple[int, int],
    interpolation: str = "bilinear",
    crop: bool = False,
    pad: bool = False,
    antialias: bool = False,
) -> tuple[np.ndarray, ...]:
    """One `resize_matrix` for the height and one for the width; arguments as for these and `resize_window`."""
    window = resize_window(size, target, crop, pad)
    return tuple(
        resize_matrix(length, wanted, *span, interpolation, antialias)
        for length, wanted, span in zip(size, target, window, strict=True)
    )


@functools.lru_cache(maxsize=256)
def resize_matrix(
    length: int, target: int, start: int, window: int, interpolation: str, antialias: bool = False
) -> np.ndarray:
    """The weights by which `target` new pixels are interpolated from `length` old ones.

    New pixel i has its center at `(i + 0.5) * window / target` of the window that begins at `start`. The weights of
    a pixel sum to 1 but for those that lie in the padding. When an image is made smaller, a new pixel mixes all that
    it covers with `antialias`, but for `"nearest"`; without it there is no smoothing.

    Shape: `(target, length)`, float64, read-only.
    """
    centers = (np.arange(target) + 0.5) * (window / target) - 0.5
    if interpolation == "nearest":
        chosen = np.floor(centers + 0.5).astype(int).clip(0, window - 1)
        weights = (chosen[:, None] == np.arange(window)).astype(float)
    else:
        scale = min(target / window, 1) if antialias else 1
        weights = KERNELS[interpolation](np.abs(centers[:, None] - np.arange(window)) * scale)
        weights /= weights.sum(axis=1, keepdims=True)
    matrix = np.zeros((target, length))
    inside = slice(max(start, 0), max(start, 0) + min(window, length))
    matrix[:, inside] = weights[:, max(-start, 0) :][:, : min(window, length)]
    matrix.flags.writeable = False
    return matrix


def resized(image: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """An image `(height, width, channels)` with its height and its width multiplied by `matrices`."""
    return np.einsum("ih,hwc,jw->ijc", matrices[0], image, matrices[1], optimize=True)


def _linear(distance):
    return np.maximum(0, 1 - distance)


def _cubic(distance):
    """Keys 1981 with a = -0.5."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


def _lanczos(radius):
    return lambda distance: np.where(distance < radius, np.sinc(distance) * np.sinc(distance / radius), 0)


KERNELS = {"bilinear": _linear, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}


def taps(
    rows: np.ndarray, columns: np.ndarray, size: tuple[int, int], fill_mode: str, interpolation: str
) -> tuple[np.ndarray, np.ndarray]:
    """The pixels of an image of `size` around the positions `(rows, columns)`, and their weights.

    Args:
        rows, columns: coordinates in pixels, `(batch, places)`; they may lie outside of the image.
        size: its height and width.
        fill_mode: what is outside: `reflect` (c b a | a b c | c b a), `wrap` (a b c | a b c | a b c), `nearest`
            (a a a | a b c | c c c), or `constant`, whose pixels get the weight 0.
        interpolation: `bilinear`, four pixels each, or `nearest`, one.

    Returns:
        Pixels counted row by row, and weights that sum to 1 but for `constant`: both `(taps, batch, places)`.
    """
    height, width = size
    down = _line_taps(rows, height, fill_mode, interpolation)
    right = _line_taps(columns, width, fill_mode, interpolation)
    count = len(down) * len(right)
    pixels, weights = np.empty((count, *rows.shape), int), np.empty((count, *rows.shape))
    for number, ((row, row_weight), (column, column_weight)) in enumerate(itertools.product(down, right)):
        np.add(np.multiply(row, width, out=pixels[number]), column, out=pixels[number])
        np.multiply(row_weight, column_weight, out=weights[number])
    return pixels, weights


def _line_taps(places, length, fill_mode, interpolation):
    """`(integers, weights)` of each of the pixels that a place between pixels mixes."""
    if interpolation == "nearest":
        kernel_taps = [(np.floor(places + 0.5), np.ones_like(places))]
    else:
        below = np.floor(places)
        kernel_taps = [(below, below + 1 - places), (below + 1, places - below)]
    return [_fill(index.astype(int), weight, length, fill_mode) for index, weight in kernel_taps]


def _fill(index, weight, length, fill_mode):
    inside = folded(index, length, fill_mode)
    return inside, weight * (inside == index) if fill_mode == "constant" else weight


def folded(places: np.ndarray, length: int, fill_mode: str) -> np.ndarray:
    """Integer positions mapped into [0, length): see `taps`, with `mirror` as c b | a b c | b a."""
    if fill_mode == "reflect" and places.size and -length <= places.min() and places.max() < 2 * length:
        places = places ^ (places >> 63)  # -1 - place below 0: a tenth of the time of what follows
        return np.minimum(places, 2 * length - 1 - places)
    if fill_mode == "reflect":
        places = places % (2 * length)
        return np.minimum(places, 2 * length - 1 - places)
    if fill_mode == "mirror":
        places = places % max(2 * (length - 1), 1)
        return np.minimum(places, 2 * (length - 1) - places)
    return places % length if fill_mode == "wrap" else places.clip(0, length - 1)


def affine_places(matrices: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Source position of each pixel of an image of `size`, under one affine map per example.

    Args:
        matrices: `(batch, 2, 3)`; `row = m[0] @ (row, column, 1)`, `column = m[1] @ (row, column, 1)`.
        size: height and width.

    Returns:
        Rows and columns, each `(batch, height * width)`.
    """
    grid = np.indices(size).reshape(2, math.prod(size))
    positions = matrices[:, :, :2] @ grid + matrices[:, :, 2:]
    return positions[:, 0], positions[:, 1]
