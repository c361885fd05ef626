"""Layers that change the brightness and contrast of images at random while training."""

from dataclasses import field
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError
from nnlite.jacobians import Composed, Diagonal, TowardsMean
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.preprocessing.image_size import DataFormat, Factor, RandomImages, checked_bounds, image_axes
from nnlite.registry.bounds import Index, NonNegative

__all__ = ["RandomBrightness", "RandomContrast"]


class RandomBrightness(RandomImages):
    """While training, outputs = clip(inputs + delta, *value_range), delta a part of the range.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds of delta in ranges, in [-1, 1]; one number f stands for (-f, f). 1 makes all white.
        value_range: lowest and highest value of a pixel.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`; the outputs are the same.

    >>> import numpy as np
    >>> layer = RandomBrightness(0.2, seed=0)
    >>> image = np.full((1, 2, 2, 1), 100.0)
    >>> np.ptp(layer(image, training=True)).item(), layer(image).ravel().tolist()  # one shift for the whole image
    (0.0, [100.0, 100.0, 100.0, 100.0])
    """

    factor: Factor
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = field(default=None, kw_only=True)

    def validate(self) -> None:
        checked_bounds(self, "factor")
        check_range(self)

    def changed(self, inputs: Array, generator: np.random.Generator) -> tuple[np.ndarray, Jacobian]:
        low, high = self.value_range
        delta = generator.uniform(*checked_bounds(self, "factor"), (len(inputs), 1, 1, 1)) * (high - low)
        return clip(inputs + delta.astype(inputs.real.dtype), low, high)


class RandomContrast(RandomImages):
    """While training, outputs = clip((inputs - mean) * contrast + mean, *value_range), mean of each image's channel.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: the contrast lies in [1 - lower, 1 + upper]; one number stands for both, each in [0, 1].
        value_range: lowest and highest value of a pixel.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> image = np.array([50.0, 150.0]).reshape(1, 1, 2, 1)
    >>> changed = RandomContrast(0.5, seed=0)(image, training=True)
    >>> changed.mean().item(), bool((changed == image).any())  # the mean stays, distances from it change
    (100.0, False)
    """

    factor: NonNegative | tuple[NonNegative, NonNegative]
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = field(default=None, kw_only=True)

    def validate(self) -> None:
        checked_bounds(self, "factor")
        check_range(self)

    def changed(self, inputs: Array, generator: np.random.Generator) -> tuple[np.ndarray, Jacobian]:
        factor: Any = self.factor
        lower, upper = (factor,) * 2 if isinstance(factor, float) else factor
        contrast = generator.uniform(1 - lower, 1 + upper, (len(inputs), 1, 1, 1)).astype(inputs.real.dtype)
        by_inputs = TowardsMean(contrast, image_axes(self), inputs.shape)
        outputs, outer = clip(by_inputs.jvp(inputs), *self.value_range)
        return outputs, Composed(outer, by_inputs)


def check_range(layer: Any) -> None:
    """`ConfigError` unless value_range goes upwards."""
    if not layer.value_range[0] < layer.value_range[1]:
        raise ConfigError(f"{type(layer).__name__}: value_range must be (lowest, highest), got {layer.value_range}")


def clip(values: Array, low: float, high: float) -> tuple[np.ndarray, Diagonal]:
    """`values` within bounds, and the map: 1 inside, 0 outside."""
    inside = (values.real >= low) & (values.real <= high)
    slopes = inside.astype(values.real.dtype)
    return np.where(inside, values, np.clip(values.real, low, high)), Diagonal(slopes, values.shape, values.shape)
