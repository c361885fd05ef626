"""Layers that randomly sharpen or blur images during training."""

from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.images.base import (
    Chances,
    DataFormat,
    RandomImages,
    by_image,
    check_range,
    chosen,
    numbers,
    pair,
    sort_range,
)
from nnlite.ops import functions as ops
from nnlite.registry.bounds import Count, Index

__all__ = ["RandomGaussianBlur", "RandomSharpness"]


class RandomSharpness(RandomImages):
    """During training, outputs = clip(smooth + 2 f (inputs - smooth), *value_range): f = 0 blurs, 1 sharpens.

    A smooth pixel is a mean of 3 x 3, in which the one in the middle counts five times; beyond the edges is 0.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds of f, in [0, 1]; one number f stands for (0, f).
        value_range: lowest and highest value of a pixel.
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> dot = np.zeros((1, 3, 3, 1))
    >>> dot[0, 1, 1] = 130
    >>> RandomSharpness((0.0, 0.0))(dot)[0, 1].ravel().round(3).tolist()
    [10.0, 50.0, 10.0]
    """

    factor: Chances
    value_range: tuple[float, float] = (0.0, 255.0)
    data_format: DataFormat = None
    seed: Index | None = None

    _moves, _bounds = False, {"factor": pair}

    def validate(self) -> None:
        sort_range(self)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        return {"factor": numbers(self, generator.uniform(*pair(self.factor), shape[0]))}

    def drawn(self, images: Any, draw: Any) -> Any:
        share = by_image(draw["factor"], images)
        around = mixed(images, *(bell(length, 1, np.full(len(images), np.inf)) for length in images.shape[1:3]))
        smooth = (9 * around + 4 * images) / 13
        return ops.clip(smooth + 2 * share * (images - smooth), *self.value_range)


class RandomGaussianBlur(RandomImages):
    """During training, blurs some images: a pixel becomes a mean of its neighbors, with Gaussian weights.

    Beyond the edges is 0.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds in which the chance of each image is drawn, in [0, 1]; one number f stands for (0, f).
        kernel_size: height and width of the neighborhood in pixels, odd; one number for both.
        sigma: bounds of the standard deviation in pixels, in [0, 1]; one number s stands for (0, s).
        value_range: lowest and highest value of a pixel, between which the outputs lie when the inputs do.
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> blurred = RandomGaussianBlur((1.0, 1.0), 3, (1.0, 1.0))(np.ones((1, 3, 3, 1)))
    >>> print(blurred.ravel()[:5].round(2))
    [0.53 0.73 0.53 0.73 1.  ]
    """

    factor: Chances = 1.0
    kernel_size: Count | tuple[Count, Count] = 3
    sigma: Chances = 1.0
    value_range: tuple[float, float] = (0.0, 255.0)
    data_format: DataFormat = None
    seed: Index | None = None

    _moves = False
    _bounds = {"factor": pair, "sigma": pair, "kernel_size": lambda size: tuple(np.broadcast_to(size, 2).tolist())}

    def validate(self) -> None:
        check_range(self)
        if not all(size % 2 for size in np.broadcast_to(self.kernel_size, 2).tolist()):
            raise ConfigError(f"RandomGaussianBlur: kernel_size must be odd, got {self.kernel_size}")

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        blurred = chosen(self.factor, generator, shape[0])
        return {
            "should_apply_blur": blurred,
            "blur_factor": numbers(self, generator.uniform(*pair(self.sigma), shape[0])),
        }

    def drawn(self, images: Any, draw: Any) -> Any:
        blurs, sigma = by_image(draw["should_apply_blur"], images), np.asarray(draw["blur_factor"])
        reach = [size // 2 for size in np.broadcast_to(self.kernel_size, 2).tolist()]
        sides = zip(images.shape[1:3], reach, strict=True)
        return ops.where(blurs, mixed(images, *(bell(length, around, sigma) for length, around in sides)), images)


def bell(length: int, reach: int, sigma: np.ndarray) -> np.ndarray:
    """Matrices `(images, length, length)` of Gaussian weights up to `reach` pixels away; equal for infinite sigma."""
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / np.maximum(sigma, 1e-6)[:, None]) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    away = np.subtract.outer(np.arange(length), np.arange(length))
    return np.where(np.abs(away) <= reach, weights[:, np.clip(away + reach, 0, 2 * reach)], 0)


def mixed(images: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """Images with their rows, then their columns, mixed by a matrix for each image."""
    kind = images.dtype.type(0).real.dtype
    return ops.einsum("nij,nkjc->nkic", columns.astype(kind), ops.einsum("nij,njkc->nikc", rows.astype(kind), images))
