"""Layers that stretch the tones of images over their range, by extremes or histograms; nothing is random."""

import math
from typing import Annotated, Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.jacobians import Jacobians
from nnlite.layers.images.base import DataFormat, Images, check_range, sort_range
from nnlite.ops import functions as ops
from nnlite.registry.bounds import Count, Positive, Range

__all__ = ["AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization"]


class Adjusting(Images, abstract=True):
    """Base of the layers here, which act the same in training and at inference."""

    _moves = False

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def linearize(self, inputs: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        outputs, by_inputs = self.changed_alike(inputs, None)
        return outputs, Jacobians(by_inputs)


class AutoContrast(Adjusting):
    """Stretches each channel of each image linearly, so that its extremes are those of the value range.

    Channels of one tone stay. It is done at inference too.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        value_range: lowest and highest value of a pixel.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> AutoContrast()(np.array([0.0, 1.0]).reshape(1, 1, 2, 1)).ravel().tolist()
    [0.0, 255.0]
    """

    value_range: tuple[float, float] = (0.0, 255.0)
    data_format: DataFormat = None

    def validate(self) -> None:
        sort_range(self)

    def drawn(self, images: Any, generator: Any) -> Any:
        low, high = self.value_range
        least, most = ops.min(images, (1, 2), True), ops.max(images, (1, 2), True)
        span = most - least
        flat = span.value.real == 0
        stretched = ops.clip((images - least) * (high - low) / ops.where(flat, 1.0, span) + low, low, high)
        return ops.where(flat, images, stretched)


class Equalization(Adjusting):
    """Equalizes the histogram of each channel of each image: a pixel becomes its rank, as a fraction of the range.

    With the number c(b) of pixels up to bin b and c0 that of the lowest bin that has any, a pixel of bin b becomes
    `(c(b) - c0) / (c(last) - c0)` of the range, rounded to whole 255ths. It is done at inference too.

    Shape: `(batch, height, width, channels)`, unchanged. The derivative is 0.

    Args:
        value_range: lowest and highest value of a pixel.
        bins: number of bins of the histograms, at most 65536.
        data_format: `channels_last`, the default, or `channels_first`.

    Keras counts the pixels of all images of a batch together.

    >>> import numpy as np
    >>> Equalization()(np.array([7.0, 8.0, 9.0, 10.0]).reshape(1, 2, 2, 1)).ravel().tolist()
    [0.0, 85.0, 170.0, 255.0]
    """

    value_range: tuple[float, float] = (0.0, 255.0)
    bins: Annotated[int, Range(1, 2**16)] = 256
    data_format: DataFormat = None

    def validate(self) -> None:
        sort_range(self)

    def drawn(self, images: Any, generator: Any) -> Any:
        planes = np.moveaxis(images.value.real, -1, 1)
        codes = binned(planes, self.value_range, self.bins)
        pixels = codes.reshape(*codes.shape[:2], math.prod(codes.shape[2:]))
        counts = histograms(pixels, self.bins)
        below = counts.cumsum(axis=-1)
        first = np.where(counts > 0, below, pixels.shape[-1]).min(axis=-1, keepdims=True)
        spread = below[..., -1:] - first
        levels = np.round(255 * (below - first) / np.maximum(spread, 1)).clip(0, 255)
        ranks = np.take_along_axis(levels, pixels, -1).reshape(codes.shape)
        low, high = self.value_range
        outputs = np.where(spread[..., None] == 0, planes, ranks * ((high - low) / 255) + low)
        return np.moveaxis(outputs, 1, -1)


class ContrastLimitedAdaptiveHistogramEqualization(Adjusting):
    """Equalizes each tile of each image with a limit on the slope, and interpolates between the centers of tiles.

    Counts of the 256 bins of a tile are cut at `clip_limit` times their mean, rounded down, and what was cut off is
    spread evenly over all bins; a tone becomes the part of the tile's counts up to it, without those of the lowest bin.
    It is done at inference too.

    Shape: `(batch, height, width, channels)`, unchanged. The derivative is 0.

    Args:
        value_range: lowest and highest value of a pixel.
        clip_limit: the largest slope, in multiples of that of an even histogram.
        tile_grid_size: number of tiles down and across; images are continued by reflection to a multiple of both.
        data_format: `channels_last`, the default, or `channels_first`.

    Reference: Zuiderveld 1994, "Contrast limited adaptive histogram equalization".

    >>> import numpy as np
    >>> layer = ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1), clip_limit=256.0)
    >>> print(layer(np.array([7.0, 8.0, 9.0, 10.0]).reshape(1, 2, 2, 1)).ravel())
    [ 63.75 127.5  191.25 255.  ]
    """

    value_range: tuple[float, float] = (0.0, 255.0)
    clip_limit: Positive = 4.0
    tile_grid_size: tuple[Count, Count] = (8, 8)
    data_format: DataFormat = None

    _kept_kinds = "iu"

    def validate(self) -> None:
        check_range(self)

    def drawn(self, images: Any, generator: Any) -> Any:
        planes = np.moveaxis(images.value.real, -1, 1)
        codes = binned(planes, self.value_range, 256)
        size = codes.shape[2:]
        tile = [-(-length // count) for length, count in zip(size, self.tile_grid_size, strict=True)]
        # No pixel lies between the middles of tiles farther out than the one behind the last that has pixels.
        reached = [-(-length // part) + 1 for length, part in zip(size, tile, strict=True)]
        grid = np.minimum(self.tile_grid_size, reached).tolist()
        more = [(0, part * count - length) for part, count, length in zip(tile, grid, size, strict=True)]
        whole = np.pad(codes, [(0, 0), (0, 0), *more], "symmetric")
        parts = whole.reshape(*codes.shape[:2], grid[0], tile[0], grid[1], tile[1]).swapaxes(3, 4)
        counts = histograms(parts.reshape(*parts.shape[:4], math.prod(tile)), 256).astype(float)
        limit = int(self.clip_limit * tile[0] * tile[1] / 256)
        excess = np.maximum(counts - limit, 0).sum(axis=-1, keepdims=True)
        below = (np.minimum(counts, limit) + excess / 256).cumsum(axis=-1)
        levels = (below - below[..., :1]) * (255 / np.maximum(below[..., -1:] - below[..., :1], 1e-9))
        low, high = self.value_range
        outputs = between_tiles(levels, codes, tile) * ((high - low) / 255) + low
        return np.moveaxis(outputs, 1, -1)


def between_tiles(levels: np.ndarray, codes: np.ndarray, tile: list[int]) -> np.ndarray:
    """The levels of each pixel, `(images, channels, height, width)`, interpolated from the four nearest tiles.

    Args:
        levels: of each tone in each tile, `(images, channels, down, across, 256)`.
        codes: the tone of each pixel.
        tile: height and width of a tile.
    """
    taps = []
    for length, part, count in zip(codes.shape[2:], tile, levels.shape[2:4], strict=True):
        position = np.arange(length) / part - 0.5
        below = np.floor(position).astype(int)
        taps.append(
            [(below.clip(0, count - 1), below + 1 - position), ((below + 1).clip(0, count - 1), position - below)]
        )
    image, channel = np.ogrid[: len(codes), : codes.shape[1]]
    image, channel = image[..., None, None], channel[..., None, None]
    parts = [
        levels[image, channel, row[:, None], column, codes] * down[:, None] * right
        for row, down in taps[0]
        for column, right in taps[1]
    ]
    return np.sum(parts, axis=0)


def binned(numbers: np.ndarray, value_range: tuple[float, float], bins: int) -> np.ndarray:
    """The bin of each number, 0 to bins - 1."""
    low, high = value_range
    return ((numbers - low) * ((bins - 1) / (high - low))).astype(int).clip(0, bins - 1)


def histograms(codes: np.ndarray, bins: int) -> np.ndarray:
    """The counts of each code along the last axis."""
    rows = codes.reshape(-1, codes.shape[-1])
    places = rows + bins * np.arange(len(rows))[:, None]
    return np.bincount(places.ravel(), minlength=bins * len(rows)).reshape(*codes.shape[:-1], bins)
