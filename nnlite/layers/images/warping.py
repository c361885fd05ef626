"""Layers that randomly distort images during training: shear, perspective, elastic deformation."""

import math
from typing import Any

import numpy as np

from nnlite.jacobians.maps.base import Jacobian
from nnlite.layers.images.base import (
    Chances,
    DataFormat,
    RandomImages,
    by_image,
    check_range,
    checked_bounds,
    chosen,
    either_way,
    image_size,
    numbers,
    pair,
)
from nnlite.layers.images.blurring import bell
from nnlite.layers.images.geometry import FillMode, Interpolation, moved, read_at
from nnlite.ops.image.coordinates import homography
from nnlite.registry.bounds import Fraction, Index

__all__ = ["RandomElasticTransform", "RandomPerspective", "RandomShear"]

BEND = 1 / 40  # standard deviation of the moves of an elastic transform of scale 1, in sides
WAVE = 1 / 20  # the width over which its moves are smooth, in sides


class RandomShear(RandomImages):
    """During training, shears images about their upper left corner, along both axes.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        x_factor: bounds of the columns that a row is moved by against the one above, in [-1, 1]; one number f in
            [0, 1] stands for (-f, f). Either direction is drawn.
        y_factor: bounds of the rows that a column is moved by against the one before.
        interpolation: how pixels are mixed.
        fill_mode: what is outside of an image: `reflect` (c b a | a b c | c b a), `wrap` (a b c | a b c | a b c),
            `nearest` (a a a | a b c | c c c), or `constant`.
        fill_value: what is outside when `fill_mode` is `constant`.
        data_format: `channels_last`, the default, or `channels_first`.
        seed: draws from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> layer = RandomShear((1.0, 1.0), fill_mode="constant", seed=0)
    >>> print(layer(np.eye(3).reshape(1, 3, 3, 1))[0, ..., 0])
    [[1. 0. 0.]
     [1. 0. 0.]
     [1. 0. 0.]]
    """

    x_factor: Fraction | tuple[float, float] = 0.0
    y_factor: Fraction | tuple[float, float] = 0.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: float = 0.0
    data_format: DataFormat = None
    seed: Index | None = None

    _corner = 0.0
    _bounds = {"x_factor": either_way, "y_factor": either_way}

    def validate(self) -> None:
        checked_bounds(self, "x_factor")
        checked_bounds(self, "y_factor")

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        count, bounds = shape[0], [either_way(factor) for factor in (self.x_factor, self.y_factor)]
        shares = [generator.uniform(*bound, count) * generator.choice([-1, 1], count) for bound in bounds]
        return {"shear_factor": numbers(self, np.stack(shares, axis=1)), "input_shape": shape}

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        by_row, by_column = np.asarray(draw["shear_factor"], np.float64).T
        linear = np.tile(np.eye(2), (len(by_row), 1, 1))
        linear[:, 1, 0], linear[:, 0, 1] = by_row, by_column
        return moved(self, inputs, linear, np.zeros((len(by_row), 2)))


class RandomPerspective(RandomImages):
    """During training, gives some images a random perspective: each corner moves inwards by up to half of each side.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds in which the chance of each image is drawn, in [0, 1]; one number f stands for (0, f).
        scale: the largest part of the way to the middle that a corner is moved, in [0, 1].
        interpolation: how pixels are mixed.
        fill_value: what is outside of an image.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> layer, image = RandomPerspective((1.0, 1.0), scale=0.5, seed=0), np.ones((1, 6, 6, 1))
    >>> seen = layer(image)
    >>> bool(seen[0, 3, 3, 0] > 0.99), bool(seen.sum() < 36)  # the middle is there, the edges are narrower
    (True, True)
    """

    factor: Chances = 1.0
    scale: Fraction = 1.0
    interpolation: Interpolation = "bilinear"
    fill_value: float = 0.0
    seed: Index | None = None
    data_format: DataFormat = None

    _bounds = {"factor": pair}

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        applied, moves = chosen(self.factor, generator, shape[0]), generator.uniform(size=(shape[0], 4, 2))
        corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])  # (x, y)
        side = np.maximum(np.array(image_size(self, shape)[::-1]) - 1, 1)
        ends = (corners + 0.49 * self.scale * moves * (1 - 2 * corners)) * side
        starts = np.broadcast_to(corners * side, ends.shape)
        points = {"start_points": numbers(self, starts), "end_points": numbers(self, ends)}
        return {"apply_perspective": applied, **points, "input_shape": shape}

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        starts, size = np.asarray(draw["start_points"]), image_size(self, inputs.shape)
        ends = np.where(np.reshape(draw["apply_perspective"], (-1, 1, 1)), draw["end_points"], starts)
        maps = homographies(starts, ends)
        y, x = np.indices(size).reshape(2, math.prod(size))
        a0, a1, a2, b0, b1, b2, c0, c1 = maps.T[..., None]
        depth = c0 * x + c1 * y + 1
        rows, columns = ((one * x + two * y + three) / depth for one, two, three in ((b0, b1, b2), (a0, a1, a2)))
        return read_at(self, inputs, rows.round(9), columns.round(9), "constant")

    def place_maps(self, count: int, size: tuple[int, ...], draw: Any) -> tuple[np.ndarray, tuple[int, ...]]:
        """The maps that move the corners of boxes, as those of the images have moved."""
        if draw is None:
            return np.tile(np.eye(3), (count, 1, 1)), size
        starts = np.asarray(draw["start_points"])
        ends = np.where(np.reshape(draw["apply_perspective"], (-1, 1, 1)), draw["end_points"], starts)
        a0, a1, a2, b0, b1, b2, c0, c1 = homographies(ends, starts).T
        rows = [[b1, b0, b2], [a1, a0, a2], [c1, c0, np.ones(count)]]
        return np.array(rows).transpose(2, 0, 1), size


class RandomElasticTransform(RandomImages):
    """During training, deforms some images: each pixel is read at a position shifted by smoothed Gaussian noise.

    The moves have a standard deviation of 1/40 of a side times the scale, and are alike over 1/20 of it.

    Shape: `(batch, height, width, channels)`, unchanged.

    Args:
        factor: bounds in which the chance of each image is drawn, in [0, 1]; one number f stands for (0, f).
        scale: bounds of how far pixels are moved, in [0, 1]; one number s stands for (0, s).
        interpolation: how pixels are mixed.
        fill_mode: what is outside of an image, as of `RandomShear`.
        fill_value: what is outside when `fill_mode` is `constant`.
        value_range: lowest and highest value of a pixel, between which the outputs lie when the inputs do.
        seed: draws from a stream of its own instead of the model's.
        data_format: `channels_last`, the default, or `channels_first`.

    Reference: Simard et al. 2003, "Best practices for convolutional neural networks applied to visual document
    analysis".

    >>> import numpy as np
    >>> image = np.tile(np.arange(40.0).reshape(1, 1, 40, 1), (1, 40, 1, 1))
    >>> moves = RandomElasticTransform((1.0, 1.0), (1.0, 1.0), seed=0)(image) - image
    >>> bool(0.2 < moves[:, 8:-8, 8:-8].std() < 2)
    True
    """

    factor: Chances = 1.0
    scale: Chances = 1.0
    interpolation: Interpolation = "bilinear"
    fill_mode: FillMode = "reflect"
    fill_value: float = 0.0
    value_range: tuple[float, float] = (0.0, 255.0)
    seed: Index | None = None
    data_format: DataFormat = None

    _bounds = {"factor": pair, "scale": pair}

    def validate(self) -> None:
        check_range(self)

    def draws(self, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
        applied, count = chosen(self.factor, generator, shape[0]), shape[0]
        far = numbers(self, generator.uniform(*pair(self.scale), count))
        return {
            "apply_transform": applied,
            "distortion_factor": far,
            "seed": int(generator.integers(2**63)),
            "input_shape": shape,
        }

    def changed(self, inputs: np.ndarray, draw: Any) -> tuple[np.ndarray, Jacobian]:
        size, count = image_size(self, inputs.shape), len(inputs)
        far = by_image(draw["apply_transform"], inputs) * np.reshape(draw["distortion_factor"], (-1, 1, 1, 1))
        moves = np.random.default_rng(draw["seed"]).normal(size=(count, 2, *size))
        for axis, length in enumerate(size):
            width = length * WAVE
            weights = bell(length, math.ceil(3 * width), np.array([width]))[0]
            weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
            moves = np.moveaxis(np.tensordot(moves, weights, (2 + axis, 1)), -1, 2 + axis)
        moves *= far * BEND * np.array(size)[:, None, None]
        rows, columns = (np.indices(size) + moves).reshape(count, 2, math.prod(size)).transpose(1, 0, 2)
        return read_at(self, inputs, rows, columns, self.fill_mode)


def homographies(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """`homography` of the points of each image, `(batch, 8)`."""
    return np.array([homography(*points) for points in zip(starts, ends, strict=True)]).reshape(-1, 8)
