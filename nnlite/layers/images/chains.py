"""Augmentations that apply several others in turn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.layers.images.base import (
    Chances,
    DataFormat,
    Factor,
    Images,
    RandomImages,
    check_colors,
    check_range,
    checked_bounds,
    pair,
)
from nnlite.layers.images.blurring import RandomSharpness
from nnlite.layers.images.colors import RandomBrightness, RandomContrast, RandomHue
from nnlite.layers.images.contrast import AutoContrast, Equalization
from nnlite.layers.images.geometry import Interpolation, RandomRotation, RandomTranslation
from nnlite.layers.images.tones import (
    RandomColorDegeneration,
    RandomPosterization,
    RandomSaturation,
    Solarization,
)
from nnlite.layers.images.warping import RandomShear
from nnlite.ops import functions as ops
from nnlite.registry.bounds import Count, Index, NonNegative, Positive

__all__ = ["AugMix", "RandAugment", "RandomColorJitter"]


def draws(self: Any, shape: tuple[int, ...], generator: np.random.Generator) -> dict[str, int]:
    """Draw the seed of the layers that a chain is made of."""
    return {"seed": int(generator.integers(2**63))}


class RandomColorJitter(RandomImages):
    """During training, changes brightness, contrast, saturation and hue of each image, in this order.

    Shape: `(batch, height, width, 3)`, unchanged; other channels too, without saturation and hue.

    Args:
        value_range: lowest and highest value of a pixel.
        brightness_factor: as of `RandomBrightness`; None leaves it, as for the others.
        contrast_factor: as of `RandomContrast`.
        saturation_factor: as of `RandomSaturation`.
        hue_factor: as of `RandomHue`.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> image = np.full((1, 2, 2, 3), 100.0)
    >>> changed = RandomColorJitter(brightness_factor=(0.2, 0.2), saturation_factor=0.9)(image)
    >>> changed.ravel()[:3].tolist()
    [151.0, 151.0, 151.0]
    """

    value_range: tuple[float, float] = (0.0, 255.0)
    brightness_factor: Factor | None = None
    contrast_factor: NonNegative | tuple[NonNegative, NonNegative] | None = None
    saturation_factor: Chances | None = None
    hue_factor: Chances | None = None
    seed: Index | None = None
    data_format: DataFormat = None

    _moves = False
    _kept_kinds, _casts = "biu", True

    def validate(self) -> None:
        check_range(self)
        for name in ("brightness_factor", "contrast_factor"):
            if getattr(self, name) is not None:
                checked_bounds(self, name)

    def check_shape(self, input_shape: BatchShape) -> None:
        super().check_shape(input_shape)
        if self.saturation_factor is not None or self.hue_factor is not None:
            check_colors(self, input_shape, (3,))

    draws = draws

    def drawn(self, images: Any, draw: Any) -> Any:
        generator = np.random.default_rng(draw["seed"])
        kinds = {
            RandomBrightness: self.brightness_factor,
            RandomContrast: self.contrast_factor,
            RandomSaturation: self.saturation_factor,
            RandomHue: self.hue_factor,
        }
        for kind, factor in kinds.items():
            if factor is not None:
                images = applied(kind(factor, self.value_range), images, generator)
        return images


class RandAugment(RandomImages):
    """During training, changes each image by `num_ops` randomly drawn augmentations, in turn.

    They are `AutoContrast`, `Equalization`, `Solarization`, `RandomPosterization`, `RandomBrightness`,
    `RandomContrast`, `RandomSharpness`, of three channels `RandomColorDegeneration`, and `RandomShear`,
    `RandomTranslation` and `RandomRotation`, which fill what is outside with 0.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        value_range: lowest and highest value of a pixel.
        num_ops: how many layers change an image.
        factor: bounds of their strength, in [0, 1], drawn for each batch; one number f stands for (0, f).
        interpolation: how pixels are mixed.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    Reference: Cubuk et al. 2020, arXiv:1909.13719.

    >>> import numpy as np
    >>> image = np.arange(48.0).reshape(1, 4, 4, 3)
    >>> changed = RandAugment(seed=1)(image)
    >>> changed.shape, bool((changed == image).all())
    ((1, 4, 4, 3), False)
    """

    value_range: tuple[float, float] = (0.0, 255.0)
    num_ops: Count = 2
    factor: Chances = 0.5
    interpolation: Interpolation = "bilinear"
    seed: Index | None = None
    data_format: DataFormat = None

    _moves, _bounds = False, {"factor": pair}

    def validate(self) -> None:
        check_range(self)

    draws = draws

    def drawn(self, images: Any, draw: Any) -> Any:
        generator = np.random.default_rng(draw["seed"])
        strength = generator.uniform(*pair(self.factor))
        layers = usual_layers(self.value_range, self.interpolation, strength, images.shape[-1] == 3)
        for _ in range(self.num_ops):
            images = changed_by_one(layers, images, generator)
        return images


class AugMix(RandomImages):
    """During training, a mixture of each image and of several augmentation chains applied to it.

    outputs = w * inputs + (1 - w) * sum_k(v_k * chain_k(inputs)), w from Beta(alpha, alpha), v from
    Dirichlet(alpha, ...), each chain of 1 to `chain_depth` of the layers of `RandAugment`.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        value_range: lowest and highest value of a pixel.
        num_chains: number of chains.
        chain_depth: the largest number of layers of one.
        factor: bounds of the strength of the layers, in [0, 1], drawn for each batch; one number f stands for (0, f).
        alpha: of both distributions.
        all_ops: also brightness, colors, contrast and sharpness, which tests of robustness change too.
        interpolation: how pixels are mixed.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    Reference: Hendrycks et al. 2020, arXiv:1912.02781.

    >>> import numpy as np
    >>> image = np.arange(48.0).reshape(1, 4, 4, 3)
    >>> changed = AugMix(seed=0)(image)
    >>> changed.shape, bool((changed == image).all())
    ((1, 4, 4, 3), False)
    """

    value_range: tuple[float, float] = (0.0, 255.0)
    num_chains: Count = 3
    chain_depth: Count = 3
    factor: Chances = 0.3
    alpha: Positive = 1.0
    all_ops: bool = True
    interpolation: Interpolation = "bilinear"
    seed: Index | None = None
    data_format: DataFormat = None

    _moves, _bounds = False, {"factor": pair}

    def validate(self) -> None:
        check_range(self)

    draws = draws

    def drawn(self, images: Any, draw: Any) -> Any:
        generator, count = np.random.default_rng(draw["seed"]), len(images)
        strength = generator.uniform(*pair(self.factor))
        colors = images.shape[-1] == 3
        layers = usual_layers(self.value_range, self.interpolation, strength, colors, self.all_ops)
        kind = images.dtype.type(0).real.dtype
        shares = generator.dirichlet([self.alpha] * self.num_chains, count).astype(kind)
        share = generator.beta(self.alpha, self.alpha, (count, 1, 1, 1)).astype(kind)
        total = share * images
        for number in range(self.num_chains):
            chain, depths = images, generator.integers(1, self.chain_depth + 1, (count, 1, 1, 1))
            for step in range(self.chain_depth):
                chain = ops.where(step < depths, changed_by_one(layers, chain, generator), chain)
            total = total + (1 - share) * shares[:, number, None, None, None] * chain
        return total


def applied(layer: Images, images: Any, generator: np.random.Generator) -> Any:
    """Traced images, channels last, transformed by a layer."""
    return images.trace.apply(layer, lambda values: layer.changed(values, layer.draws(values.shape, generator)), images)


def changed_by_one(layers: Sequence[Images], images: Any, generator: np.random.Generator) -> Any:
    """Each image transformed by one of the layers, drawn at random."""
    numbers, outputs = generator.integers(0, len(layers), len(images)), images
    for number in sorted(set(numbers.tolist())):
        changed = applied(layers[number], images, generator)
        outputs = ops.where((numbers == number)[:, None, None, None], changed, outputs)
    return outputs


def usual_layers(
    value_range: tuple[float, float], interpolation: Any, strength: float, colors: bool, all_ops: bool = True
) -> list[Images]:
    """The layers from which augmentations draw, for a strength in [0, 1]."""
    filled: Any = {"fill_mode": "constant", "interpolation": interpolation}
    bits = 8 - round(4 * strength)
    layers: list[Images] = [
        AutoContrast(value_range),
        Equalization(value_range),
        Solarization(0.0, (1 - strength, 1 - strength), value_range),
        RandomPosterization((bits, bits), value_range),
        RandomShear(strength, **filled),
        RandomShear(0.0, strength, **filled),
        RandomTranslation(strength, 0.0, **filled),
        RandomTranslation(0.0, strength, **filled),
        RandomRotation(strength * 0.25, **filled),
    ]
    if all_ops:
        layers += [RandomBrightness(strength, value_range), RandomContrast(strength, value_range)]
        middle = (0.5 - strength / 2, 0.5 + strength / 2)
        layers += [RandomSharpness(middle, value_range)]
        layers += [RandomColorDegeneration(strength, value_range)] if colors else []
    return layers
