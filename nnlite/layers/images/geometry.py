"""Layers that randomly rotate, shift and zoom images during training, each example independently."""

from dataclasses import field
from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import Array
from nnlite.jacobians import Composed, Flip, Interpolate
from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.images.base import (
    DataFormat,
    Factor,
    RandomImages,
    checked_bounds,
    either_way,
    image_axes,
    image_size,
    numbers,
)
from nnlite.ops.interpolation import affine_places, taps
from nnlite.registry.bounds import Index

__all__ = [
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
]

FillMode = Literal["reflect", "wrap", "constant", "nearest"]
Interpolation = Literal["bilinear", "nearest"]


def bound(name: str, index: int) -> property:
    """The lower or the upper bound of a factor, as Keras calls it."""
    return property(lambda layer: checked_bounds(layer, name)[index], doc=f"A bound of `{name}`.")


class RandomFlip(RandomImages):
    """Flip each image with probability 1/2 while training, independently along each axis.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        mode: which directions; `horizontal` exchanges left and right.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> layer = RandomFlip("horizontal", seed=0)
    >>> images = np.tile([[[[1.0], [2.0]]]], (4, 1, 1, 1))
    >>> layer(images, training=True)[..., 0].tolist()
    [[[1.0, 2.0]], [[2.0, 1.0]], [[2.0, 1.0]], [[1.0, 2.0]]]
    """

    mode: Literal["horizontal_and_vertical", "horizontal", "vertical"] = "horizontal_and_vertical"
    seed: Index | None = None
    data_format: DataFormat = field(default=None, kw_only=True)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        names = ("vertical_flips", "flips") if self.mode == "horizontal_and_vertical" else ("flips",)
        flags = {name: generator.random((shape[0], 1, 1, 1)) < 0.5 for name in names}
        return {**flags, "input_shape": shape}

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        flips = draw["flips"], draw.get("vertical_flips", draw["flips"])
        down, right = image_axes(self)
        maps = [
            Flip(np.asarray(flags).ravel(), axis, inputs.shape)
            for name, axis, flags in zip(("horizontal", "vertical"), (right, down), flips, strict=True)
            if name in self.mode
        ]
        by_inputs = Composed(*maps)
        return by_inputs.jvp(inputs), by_inputs


class RandomRotation(RandomImages):
    """During training, rotates images about their center by an angle of `2 * pi * uniform(factor)`.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds of the angle in full turns, counter-clockwise, in [-1, 1]; one number f stands for (-f, f).
        fill_mode: what is outside of an image: `reflect` (c b a | a b c | c b a), `wrap` (a b c | a b c | a b c),
            `nearest` (a a a | a b c | c c c), or `constant`.
        interpolation: how pixels are mixed.
        seed: draws from a stream of its own instead of the model's.
        fill_value: what is outside when `fill_mode` is `constant`.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> layer = RandomRotation(0.1, fill_mode="constant", seed=0)  # by up to 36 degrees either way
    >>> image = np.ones((1, 8, 8, 1))
    >>> bool(layer(image).mean() < 1), bool((layer(image, training=False) == image).all())
    (True, True)
    """

    factor: Factor
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Index | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    _corner, _bounds = 0.0, {"factor": either_way}

    def validate(self) -> None:
        checked_bounds(self, "factor")

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        degrees = 360 * generator.uniform(*checked_bounds(self, "factor"), shape[0])
        cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        linear = np.array([[cosine, sine], [-sine, cosine]]).transpose(2, 0, 1)
        size = image_size(self, shape)
        rows = np.concatenate([linear[..., ::-1], about_middle(linear, size)[..., None]], axis=-1)  # of x and y
        matrices = np.pad(rows[:, ::-1].reshape(-1, 6), [(0, 0), (0, 2)])
        return {
            "angle": numbers(self, degrees),
            "rotation_matrix": matrices,  # exact: ties of places stay ties
            "image_height": size[0],
            "image_width": size[1],
            "batch_size": shape[0],
        }

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        rows = np.asarray(draw["rotation_matrix"])[:, :6].reshape(-1, 2, 3)[:, ::-1]
        return moved(self, inputs, rows[..., 1::-1], rows[..., 2])


class RandomTranslation(RandomImages):
    """During training, shifts images by a fraction of their height and of their width.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        height_factor: bounds of the way down, in heights, in [-1, 1]; one number f stands for (-f, f).
        width_factor: bounds of the way to the right, in widths.
        fill_mode: what is outside of an image: `reflect` (c b a | a b c | c b a), `wrap` (a b c | a b c | a b c),
            `nearest` (a a a | a b c | c c c), or `constant`.
        interpolation: how pixels are mixed.
        seed: draws from a stream of its own instead of the model's.
        fill_value: what is outside when `fill_mode` is `constant`.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> layer = RandomTranslation(0.0, (0.25, 0.25), fill_mode="constant")  # a quarter of the width
    >>> layer(np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1), training=True).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0]
    """

    height_factor: Factor
    width_factor: Factor
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Index | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    height_lower, height_upper = bound("height_factor", 0), bound("height_factor", 1)
    width_lower, width_upper = bound("width_factor", 0), bound("width_factor", 1)

    def validate(self) -> None:
        checked_bounds(self, "height_factor")
        checked_bounds(self, "width_factor")

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        size = image_size(self, shape)
        bounds = [checked_bounds(self, name) for name in ("height_factor", "width_factor")]
        ways = [generator.uniform(*bound, shape[0]) * length for bound, length in zip(bounds, size, strict=True)]
        return {"translations": numbers(self, np.stack(ways[::-1], axis=1)), "input_shape": shape}

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        ways = np.asarray(draw["translations"], np.float64)[:, ::-1]
        return moved(self, inputs, np.tile(np.eye(2), (len(ways), 1, 1)), -ways)


class RandomZoom(RandomImages):
    """During training, shrinks (`1 + factor` > 1) or enlarges images about their center.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        height_factor: bounds of the factor of the height, in (-1, 1]; one number f stands for (-f, f). 0.2 shows an
            image 1.2 times as high, what is outside included; -0.2 the middle 0.8.
        width_factor: bounds of the factor of the width; that of the height, drawn once for both, when None.
        fill_mode: what is outside of an image: `reflect` (c b a | a b c | c b a), `wrap` (a b c | a b c | a b c),
            `nearest` (a a a | a b c | c c c), or `constant`.
        interpolation: how pixels are mixed.
        seed: draws from a stream of its own instead of the model's.
        fill_value: what is outside when `fill_mode` is `constant`.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> layer = RandomZoom((1.0, 1.0), fill_mode="constant")  # twice as much of the scene
    >>> print(layer(np.ones((1, 4, 4, 1)), training=True)[0, ..., 0])
    [[0. 0. 0. 0.]
     [0. 1. 1. 0.]
     [0. 1. 1. 0.]
     [0. 0. 0. 0.]]
    """

    height_factor: Factor
    width_factor: Factor | None = None
    fill_mode: FillMode = "reflect"
    interpolation: Interpolation = "bilinear"
    seed: Index | None = None
    fill_value: float = 0.0
    data_format: DataFormat = None

    _corner = 0.0
    height_lower, height_upper = bound("height_factor", 0), bound("height_factor", 1)
    width_lower, width_upper = bound("width_factor", 0), bound("width_factor", 1)

    def validate(self) -> None:
        checked_bounds(self, "height_factor")
        if self.width_factor is not None:
            checked_bounds(self, "width_factor")

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        size = (shape[0], 1)
        height = width = 1 + generator.uniform(*checked_bounds(self, "height_factor"), size)
        if self.width_factor is not None:
            width = 1 + generator.uniform(*checked_bounds(self, "width_factor"), size)
        return {"height_zoom": numbers(self, height), "width_zoom": numbers(self, width), "input_shape": shape}

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        zooms = np.concatenate([draw["height_zoom"], draw["width_zoom"]], axis=1).astype(np.float64)
        linear = np.eye(2) * zooms[:, None]
        return moved(self, inputs, linear, about_middle(linear, image_size(self, inputs.shape)))


def about_middle(linear: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The offsets that keep the center of an image in place."""
    middle = (np.array(size) - 1) / 2
    return middle - linear @ middle


def moved(layer: Any, inputs: Array, linear: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, Jacobian]:
    """Images whose pixel at `place` is read at `linear @ place + offset`, and the map."""
    size = image_size(layer, inputs.shape)
    places = affine_places(np.concatenate([linear, offsets[..., None]], axis=-1), size)
    return read_at(layer, inputs, *places, layer.fill_mode)


def read_at(
    layer: Any, inputs: Array, rows: np.ndarray, columns: np.ndarray, fill_mode: FillMode
) -> tuple[np.ndarray, Jacobian]:
    """Images read at positions `(batch, pixels)`, and the map."""
    size = image_size(layer, inputs.shape)
    pixels, weights = taps(rows, columns, size, fill_mode, layer.interpolation)
    weights = weights.astype(inputs.real.dtype)
    first = layer.data_format == "channels_first"
    by_inputs = Interpolate(pixels, weights, inputs.shape, inputs.shape, first)
    outputs = by_inputs.jvp(inputs)
    if fill_mode == "constant" and layer.fill_value:
        outside = layer.fill_value * (1 - weights.sum(axis=0)).reshape(-1, *size)
        outputs = outputs + (outside[:, None] if first else outside[..., None])
    return outputs, by_inputs
