"""Jacobians of functions that move and mix the pixels of images."""

import math
from collections.abc import Sequence

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Shape
from nnlite.jacobians.maps.base import Jacobian
from nnlite.jacobians.maps.matmul import rows_matmul

__all__ = ["Flip", "Interpolate", "Separable", "TowardsMean"]


class Separable(Jacobian):
    """y = one matrix times every column, another times every row: resizing of images.

    `axes` (counted from the right) are the ones of height and width. jvp multiplies along them by `matrices`, vjp by
    their transposes. Storage: the two matrices, `(out_length, in_length)`.
    """

    __slots__ = ("axes", "matrices")

    def __init__(self, matrices: Sequence[np.ndarray], axes: Sequence[int], in_shape: Shape, out_shape: Shape) -> None:
        super().__init__(in_shape, out_shape)
        self.matrices = matrices
        self.axes = axes

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        for matrix, axis in zip(self.matrices, self.axes, strict=True):
            cotangent = _along(matrix.T, cotangent, axis)
        return cotangent

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        for matrix, axis in zip(self.matrices, self.axes, strict=True):
            tangent = _along(matrix, tangent, axis)
        return tangent


def _along(matrix, array, axis):
    """`matrix` times every line of `array` along `axis`."""
    lines = np.ascontiguousarray(np.moveaxis(array, axis, -1))
    return np.moveaxis(rows_matmul(lines, matrix.T), -1, axis)


class Interpolate(Jacobian):
    """Each pixel of y is a weighted sum of a few pixels of x, different ones in each example.

    jvp gathers, vjp adds each product to the pixel it came from. Storage: `pixels`, integers that count the
    pixels of one image, and `weights`, both `(taps, batch, out_pixels)`.
    """

    __slots__ = ("channels_first", "pixels", "weights")

    def __init__(
        self, pixels: np.ndarray, weights: np.ndarray, in_shape: Shape, out_shape: Shape, channels_first: bool = False
    ) -> None:
        super().__init__(in_shape, out_shape)
        self.pixels = pixels
        self.weights = weights
        self.channels_first = channels_first

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        _, height, width, _ = self._last(self.in_shape)
        result = kernels.spread_pixels(self._flat(cotangent), self.pixels, self.weights, height * width)
        return self._images(result, self.in_shape)

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        return self._images(kernels.mix_pixels(self._flat(tangent), self.pixels, self.weights), self.out_shape)

    def _last(self, shape):
        """`(batch, height, width, channels)` of a shape."""
        return (shape[0], *shape[2:], shape[1]) if self.channels_first else shape

    def _flat(self, images):
        """Shape: `(*seeds, *shape) -> (*seeds, batch, pixels, channels)`."""
        images = np.moveaxis(images, -3, -1) if self.channels_first else images
        return images.reshape(*images.shape[:-3], math.prod(images.shape[-3:-1]), images.shape[-1])

    def _images(self, flat, shape):
        images = flat.reshape(*flat.shape[:-3], *self._last(shape))
        return np.moveaxis(images, -1, -3) if self.channels_first else images


class Flip(Jacobian):
    """y = x with the order along `axis` (counted from the right) reversed in the examples of `chosen`.

    Its own transpose: both products turn the same examples round. Storage: `chosen`, one bool per example.
    """

    __slots__ = ("axis", "chosen")

    def __init__(self, chosen: np.ndarray, axis: int, shape: Shape) -> None:
        super().__init__(shape, shape)
        self.chosen = chosen
        self.axis = axis

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        chosen = self.chosen.reshape(-1, *[1] * (len(self.in_shape) - 1))
        return np.where(chosen, np.flip(cotangent, self.axis), cotangent)

    jvp = vjp


class TowardsMean(Jacobian):
    """y = (x - mean) * factor + mean, the mean over `axes` (counted from the right) of x itself: contrast.

    Symmetric; both products do to their argument what y does to x. Storage: `factor`.
    """

    __slots__ = ("axes", "factor")

    def __init__(self, factor: np.ndarray, axes: Shape, shape: Shape) -> None:
        super().__init__(shape, shape)
        self.factor = factor
        self.axes = axes

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        mean = cotangent.mean(axis=self.axes, keepdims=True)
        if self.axes[-1] == -2:  # a row of means for each row of pixels: NumPy is slow on rows of three channels
            mean = np.ascontiguousarray(np.broadcast_to(mean, (*mean.shape[:-2], *cotangent.shape[-2:])))
        result = cotangent - mean
        result *= self.factor
        result += mean
        return result

    jvp = vjp
