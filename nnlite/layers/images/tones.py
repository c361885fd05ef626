"""Layers that change the tones of images: inversion, posterization, saturation."""

from dataclasses import field
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError
from nnlite.layers.images.base import (
    Chances,
    DataFormat,
    Factor,
    RandomImages,
    by_image,
    check_colors,
    check_range,
    checked_bounds,
    chosen,
    either_way,
    numbers,
    pair,
    sort_range,
)
from nnlite.ops import functions as ops
from nnlite.ops.image.sizes import LUMA
from nnlite.registry.bounds import Index

__all__ = [
    "RandomColorDegeneration",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "Solarization",
]


class RandomInvert(RandomImages):
    """During training, outputs = value_range[1] - inputs for some images.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds in which the chance of each image is drawn, in [0, 1]; one number f stands for (0, f).
        value_range: lowest and highest value of a pixel.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`; the outputs are the same.

    >>> import numpy as np
    >>> RandomInvert((1.0, 1.0))(np.full((1, 1, 1, 1), 55.0)).item()
    200.0
    """

    factor: Chances = 1.0
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = None

    _moves, _bounds = False, {"factor": pair}
    _kept_kinds, _casts = "biu", True

    def validate(self) -> None:
        check_range(self)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        return {"apply_inversion": chosen(self.factor, generator, shape[0])}

    def drawn(self, images: Any, draw: Any) -> Any:
        return ops.where(by_image(draw["apply_inversion"], images), self.value_range[1] - images, images)


class RandomPosterization(RandomImages):
    """During training, keeps only the leading bits of each number, of eight over the range: fewer tones are left.

    Shape: `(batch, height, width, channels)`, unchanged. The derivative is 0.

    Args:
        factor: bounds of the number of bits, drawn for each image, in 1, ..., 8; one number n stands for (1, n).
        value_range: lowest and highest value of a pixel.
        data_format: `channels_last`, the default, or `channels_first`; the outputs are the same.
        seed: draws from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> RandomPosterization((2, 2))(np.array([10.0, 70.0, 200.0]).reshape(1, 1, 3, 1)).ravel().tolist()
    [0.0, 64.0, 192.0]
    """

    factor: int | tuple[int, int]
    value_range: tuple[float, float] = (0.0, 255.0)
    data_format: DataFormat = None
    seed: Index | None = None

    _moves, _bounds = False, {"factor": lambda factor: (1, factor) if isinstance(factor, int) else factor}
    _kept_kinds, _casts = "biu", True

    def validate(self) -> None:
        sort_range(self)
        low, high = self._bounds["factor"](self.factor)
        if not 1 <= low <= high <= 8:
            raise ConfigError(f"RandomPosterization: factor must be bits in [1, 8], got {self.factor}")

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        least, most = self._bounds["factor"](self.factor)
        return {"shift_factor": (8 - generator.integers(least, most + 1, shape[0])).astype(np.uint8)}

    def drawn(self, images: Any, draw: Any) -> Any:
        low, high = self.value_range
        step = 2.0 ** by_image(draw["shift_factor"], images)
        levels = (images.value.real - low) * (255 / (high - low))
        return np.floor(levels / step) * step * ((high - low) / 255) + low


class Solarization(RandomImages):
    """During training, outputs = low + high - x where x >= threshold, else x; x = clip(inputs + addition, low, high).

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        addition_factor: bounds of the addition in ranges, in [0, 1]; one number f stands for (0, f).
        threshold_factor: bounds of the threshold in the range, in [0, 1]; one number f stands for (0, f).
        value_range: low and high, the lowest and the highest value of a pixel.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`; the outputs are the same.

    >>> import numpy as np
    >>> Solarization()(np.array([59.0, 62.0, 63.0]).reshape(1, 1, 1, 3)).ravel().tolist()
    [196.0, 193.0, 192.0]
    """

    addition_factor: Chances = 0.0
    threshold_factor: Chances = 0.0
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = field(default=None, kw_only=True)

    _moves, _bounds = False, {"addition_factor": pair, "threshold_factor": pair}

    def validate(self) -> None:
        sort_range(self)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        bounds = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        size = (shape[0], 1, 1, 1)
        return {name: numbers(self, 255 * generator.uniform(*pair(factor), size)) for name, factor in bounds.items()}

    def drawn(self, images: Any, draw: Any) -> Any:
        low, high = self.value_range
        addition = by_image(draw["additions"], images) * ((high - low) / 255)
        threshold = by_image(draw["thresholds"], images) * ((high - low) / 255) + low
        brighter = ops.clip(images + addition, low, high)
        return ops.where(brighter.value.real >= threshold, low + high - brighter, brighter)


class RandomSaturation(RandomImages):
    """During training, multiplies the saturation of each image, in the sense of HSV, by f / (1 - f), at most 1.

    Shape: `(batch, height, width, 3)`, unchanged.

    Args:
        factor: bounds of f, in [0, 1]: 0 makes images gray, 0.5 leaves them, 1 saturates them fully; one number f
            stands for (0, f).
        value_range: lowest and highest value of a pixel.
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    Keras with a range of (0, 255) lets the saturation pass 1, so that numbers leave the range.

    >>> import numpy as np
    >>> RandomSaturation((0.25, 0.25))(np.array([200.0, 140.0, 80.0]).reshape(1, 1, 1, 3)).round(3).ravel().tolist()
    [200.0, 180.0, 160.0]
    """

    factor: Chances
    value_range: tuple[float, float] = (0.0, 255.0)
    data_format: DataFormat = None
    seed: Index | None = None

    _moves, _bounds = False, {"factor": pair}
    _kept_kinds, _casts = "biu", True

    def validate(self) -> None:
        sort_range(self)

    def check_shape(self, input_shape: BatchShape) -> None:
        super().check_shape(input_shape)
        check_colors(self, input_shape, (3,))

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        shares = generator.uniform(*pair(self.factor), shape[0])
        return {"factor": numbers(self, shares / np.maximum(1 - shares, 1e-6))}

    def drawn(self, images: Any, draw: Any) -> Any:
        times = by_image(draw["factor"], images)
        brightest, darkest = ops.max(images, -1, True), ops.min(images, -1, True)
        span, value = brightest - darkest, brightest - self.value_range[0]
        full = (times * span.value.real > value.value.real) & (span.value.real > 0)
        below = brightest - images
        saturated = below * value / ops.where(full, span, 1.0)
        return brightest - ops.where(full, saturated, np.where(full, 0, times) * below)


class RandomColorDegeneration(RandomImages):
    """During training, outputs = clip(inputs + f * (gray - inputs), *value_range): 0 has no effect, 1 makes all gray.

    Shape: `(batch, height, width, 3)`, unchanged.

    Args:
        factor: bounds of f, in [-1, 1]; one number f stands for (-f, f), as in Keras. Below 0 colors get stronger.
        value_range: lowest and highest value of a pixel.
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> image = np.array([100.0, 200.0, 0.0]).reshape(1, 1, 1, 3)
    >>> print(RandomColorDegeneration((1.0, 1.0))(image).round(2).ravel())
    [147.29 147.29 147.29]
    """

    factor: Factor
    value_range: tuple[float, float] = (0.0, 255.0)
    data_format: DataFormat = None
    seed: Index | None = None

    _moves, _bounds = False, {"factor": either_way}
    _kept_kinds, _casts = "biu", True

    def validate(self) -> None:
        checked_bounds(self, "factor")
        sort_range(self)

    def check_shape(self, input_shape: BatchShape) -> None:
        super().check_shape(input_shape)
        check_colors(self, input_shape, (3,))

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        return {"factor": numbers(self, generator.uniform(*either_way(self.factor), (shape[0], 1, 1, 1)))}

    def drawn(self, images: Any, draw: Any) -> Any:
        share = by_image(draw["factor"], images)
        gray = ops.sum(images * np.array(LUMA, share.dtype), -1, True)
        return ops.clip(images + share * (gray - images), *self.value_range)
