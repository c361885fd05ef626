"""Layers that randomly change the colors of images during training, or erase a part of them."""

from dataclasses import field
from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.jacobians import Composed, Diagonal, EinsumJacobian, TowardsMean
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.images.base import (
    Chances,
    DataFormat,
    Factor,
    RandomImages,
    by_image,
    channels_moved,
    check_colors,
    check_range,
    checked_bounds,
    chosen,
    either_way,
    image_axes,
    image_size,
    numbers,
    pair,
    sort_range,
)
from nnlite.ops.image.sizes import LUMA
from nnlite.registry.bounds import Fraction, Index, NonNegative

__all__ = ["RandomBrightness", "RandomContrast", "RandomErasing", "RandomGrayscale", "RandomHue"]


class RandomBrightness(RandomImages):
    """During training, outputs = clip(inputs + delta, *value_range), delta a fraction of the range.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds of delta in ranges, in [-1, 1]; one number f stands for (-f, f). 1 makes all white.
        value_range: lowest and highest value of a pixel.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`; the outputs are the same.

    >>> import numpy as np
    >>> layer = RandomBrightness(0.2, seed=0)
    >>> image = np.full((1, 2, 2, 1), 100.0)
    >>> np.ptp(layer(image)).item(), layer(image, training=False).ravel().tolist()  # one shift for the whole image
    (0.0, [100.0, 100.0, 100.0, 100.0])
    """

    factor: Factor
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = field(default=None, kw_only=True)

    _moves, _bounds, _kept_kinds = False, {"factor": either_way}, "iu"

    def validate(self) -> None:
        checked_bounds(self, "factor")
        sort_range(self)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        low, high = self.value_range
        shares = generator.uniform(*checked_bounds(self, "factor"), (shape[0], 1, 1, 1))
        return {"rgb_delta": numbers(self, shares * (high - low))}

    def changed(self, inputs: Array, draw: Any) -> tuple[np.ndarray, Jacobian]:
        return clip(inputs + by_image(draw["rgb_delta"], inputs), *self.value_range)


class RandomContrast(RandomImages):
    """During training, outputs = clip((inputs - mean) * contrast + mean, *value_range), the mean per image and channel.

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

    _moves, _kept_kinds, _casts = False, "biu", True

    def validate(self) -> None:
        checked_bounds(self, "factor")
        check_range(self)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        factor: Any = self.factor
        lower, upper = (factor,) * 2 if isinstance(factor, float) else factor
        return {"contrast_factor": numbers(self, generator.uniform(1 - lower, 1 + upper, (shape[0], 1, 1, 1)))}

    def changed(self, inputs: Array, draw: Any) -> tuple[np.ndarray, Jacobian]:
        by_inputs = TowardsMean(by_image(draw["contrast_factor"], inputs), image_axes(self), inputs.shape)
        outputs, outer = clip(by_inputs.jvp(inputs), *self.value_range)
        return outputs, Composed(outer, by_inputs)


class RandomHue(RandomImages):
    """During training, shifts the hue of each image; saturation and value, in the sense of HSV, are unchanged.

    Shape: `(batch, height, width, 3)`, unchanged.

    Args:
        factor: bounds of the shift in half turns, in [0, 1]; one number f stands for (0, f). Either direction is drawn.
        value_range: lowest and highest value of a pixel.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> red = np.array([255.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
    >>> RandomHue((1.0, 1.0), seed=0)(red, training=True).ravel().tolist()  # half a turn: cyan
    [0.0, 255.0, 255.0]
    """

    factor: Chances
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = field(default=None, kw_only=True)

    _moves, _bounds = False, {"factor": pair}
    _kept_kinds, _casts = "biu", True

    def validate(self) -> None:
        check_range(self)

    def check_shape(self, input_shape: BatchShape) -> None:
        super().check_shape(input_shape)
        check_colors(self, input_shape, (3,))

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        halves = generator.uniform(*pair(self.factor), shape[0]) * generator.choice([-0.5, 0.5], shape[0])
        return {"factor": numbers(self, halves)}

    def changed(self, inputs: Array, draw: Any) -> tuple[np.ndarray, Jacobian]:
        low, high = self.value_range
        shift = 6 * by_image(draw["factor"], inputs)
        mixed, matrices = turned_hue((channels_moved(self, inputs) - low) / (high - low), shift)
        by_inputs = by_pixel(self, matrices, inputs.shape)
        outputs, outer = clip(channels_moved(self, mixed * (high - low) + low, back=True), low, high)
        return outputs, Composed(outer, by_inputs)


class RandomGrayscale(RandomImages):
    """During training, makes some images gray: 0.2989 red + 0.587 green + 0.114 blue in all channels.

    Shape: `(batch, height, width, 3)`, or of one channel, which is gray already; unchanged.

    Args:
        factor: the chance of each image, in [0, 1].
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> image = np.array([100.0, 200.0, 0.0]).reshape(1, 1, 1, 3)
    >>> print(RandomGrayscale(1.0)(image, training=True).round(2).ravel())
    [147.29 147.29 147.29]
    """

    factor: Fraction = 0.5
    data_format: DataFormat = None
    seed: Index | None = None

    _moves, _kept_kinds, _rounding = False, "iu", np.trunc

    def check_shape(self, input_shape: BatchShape) -> None:
        super().check_shape(input_shape)
        check_colors(self, input_shape, (1, 3))

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        return (generator.uniform(size=shape[0]) < self.factor)[:, None, None, None]

    def changed(self, inputs: Array, draw: Any) -> tuple[np.ndarray, Jacobian]:
        channels = channels_moved(self, inputs).shape[-1]
        shares = np.tile(LUMA, (channels, 1)) if channels == 3 else np.eye(1)
        matrices = np.where(np.reshape(draw, (-1, 1, 1)), shares, np.eye(channels)).astype(inputs.real.dtype)
        by_inputs = by_pixel(self, matrices, inputs.shape)
        return by_inputs.jvp(inputs), by_inputs


class RandomErasing(RandomImages):
    """During training, fills a rectangle of random height and width in some images.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds in which the chance of each image is drawn, in [0, 1]; one number f stands for (0, f).
        scale: bounds of the square of each side, as a part of the image's; one number s stands for (0, s).
        fill_value: a number, or one for each of three channels; None draws normal numbers times value_range[1].
        value_range: lowest and highest value of a pixel, which bound what is filled in.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    Reference: Zhong et al. 2020, arXiv:1708.04896.

    >>> import numpy as np
    >>> erased = RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0.0)(np.ones((1, 4, 4, 1)), training=True)
    >>> int((erased == 0).sum())
    4
    """

    factor: Chances = 1.0
    scale: Chances = (0.02, 0.33)
    fill_value: float | tuple[float, float, float] | None = None
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = None

    _moves, _bounds = False, {"factor": pair}

    def validate(self) -> None:
        check_range(self)

    def check_shape(self, input_shape: BatchShape) -> None:
        super().check_shape(input_shape)
        if isinstance(self.fill_value, tuple):
            check_colors(self, input_shape, (3,))

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        count, (low, high) = shape[0], self.value_range
        erased = chosen(self.factor, generator, count)
        inside = np.ones((count, 1, 1, 1), bool)
        for axis, length in enumerate(image_size(self, shape), start=1):
            sides = np.sqrt(generator.uniform(*pair(self.scale), count)) * length
            first = (generator.uniform(size=count) * (length - sides))[:, None]
            places = (np.arange(length) >= first) & (np.arange(length) < first + sides[:, None])
            inside = inside & places.reshape(count, *(length if axis == at else 1 for at in (1, 2)), 1)
        rows = channels_moved(self, np.broadcast_to(0, shape)).shape
        filled = (
            generator.normal(size=rows) * high if self.fill_value is None else np.broadcast_to(self.fill_value, rows)
        )
        return {
            "apply_erasing": erased,
            "batch_masks": np.broadcast_to(channels_moved(self, inside, back=True), shape),
            "fill_value": numbers(self, channels_moved(self, np.clip(filled, low, high), back=True)),
        }

    def changed(self, inputs: Array, draw: Any) -> tuple[np.ndarray, Jacobian]:
        inside = by_image(np.asarray(draw["apply_erasing"], bool), inputs) & np.asarray(draw["batch_masks"], bool)
        outputs = np.where(inside, np.asarray(draw["fill_value"]).astype(inputs.real.dtype), inputs)
        slopes = np.broadcast_to(~inside, inputs.shape).astype(inputs.real.dtype)
        return outputs, Diagonal(slopes, inputs.shape, inputs.shape)


def by_pixel(layer: Any, matrices: Array, shape: tuple[int, ...]) -> EinsumJacobian:
    """The map that multiplies colors by matrices `(row, y, x, to, from)`, or `(row, to, from)` for all pixels."""
    first = layer.data_format == "channels_first"
    taken, output_axes = (("row", color, "y", "x") if first else ("row", "y", "x", color) for color in ("from", "to"))
    pixels = ("y", "x") if matrices.ndim == 5 else ()
    return EinsumJacobian(taken, output_axes, (matrices,), (("row", *pixels, "to", "from"),), shape, shape)


def turned_hue(colors: Array, shift: Array) -> tuple[Array, Array]:
    """Colors `(..., 3)` with the hue shifted by sixths of a turn, and the matrix `(..., to, from)` of each pixel.

    With V the largest of the three, C its distance to the smallest, h the hue in sixths and t = (n + h) mod 6, a color
    is V - C phi(t), where phi = clip(min(t, 4 - t), 0, 1) and n = 5, 3, 1 for red, green and blue.
    """
    one_hot, real = np.eye(3, dtype=colors.real.dtype), colors.real
    top, bottom = real.argmax(axis=-1), real.argmin(axis=-1)
    largest, smallest = (np.take_along_axis(colors, index[..., None], axis=-1) for index in (top, bottom))
    after, last = (one_hot[(top + step) % 3] for step in (1, 2))
    chroma = largest - smallest
    safe = np.where(chroma == 0, 1, chroma)
    slope = ((after - last) * colors).sum(axis=-1, keepdims=True) / safe
    angle = slope + (2 * top[..., None] + np.array([5, 3, 1])).astype(real.dtype) + shift
    angle = angle - 6 * np.floor(angle.real / 6)
    rising, falling = angle.real < 1, (angle.real > 3) & (angle.real < 4)
    phi = np.where(rising, angle, np.where(falling, 4 - angle, (angle.real <= 3).astype(real.dtype)))
    turn = (rising.astype(real.dtype) - falling)[..., None]
    spread = (one_hot[top] - one_hot[bottom])[..., None, :]
    by_hue = (chroma != 0).astype(real.dtype)[..., None] * ((after - last)[..., None, :] - slope[..., None] * spread)
    return largest - chroma * phi, one_hot[top][..., None, :] - phi[..., None] * spread - turn * by_hue


def clip(values: Array, low: float, high: float) -> tuple[np.ndarray, Diagonal]:
    """`values` within bounds, and the map: 1 inside, 0 outside."""
    inside = (values.real >= low) & (values.real <= high)
    slopes = inside.astype(values.real.dtype)
    return np.where(inside, values, np.clip(values.real, low, high)), Diagonal(slopes, values.shape, values.shape)
