"""Blurring, edges, and structural similarity of images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.image.sizes import axis_of_height, checked, floating
from nnlite.ops.names.arranging import moveaxis
from nnlite.ops.names.constants import convert_to_numpy, lengths
from nnlite.ops.names.placed import pad
from nnlite.ops.names.products import tensordot
from nnlite.ops.tracing import drawable

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


def _bell(size: int, sigma: float) -> np.ndarray:
    """Weights of a normal distribution at `size` places, whose sum is 1."""
    weights = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / sigma) ** 2)
    return weights / weights.sum()


def _along(images: Any, weights: np.ndarray, axis: int) -> Any:
    """The weighted sums of neighbors along an axis, which gets shorter."""
    length, kind = lengths(images)[axis], np.real(convert_to_numpy(images)).dtype
    count = length - len(weights) + 1
    if count < 1:
        raise ShapeError(f"images must be at least {len(weights)} pixels high and wide, got {length}")
    matrix = np.zeros((count, length), kind)
    for offset, weight in enumerate(weights):
        matrix[np.arange(count), np.arange(count) + offset] = weight
    rank = len(lengths(images))
    return moveaxis(tensordot(matrix, images, ([1], [axis % rank])), 0, axis)


@drawable
def gaussian_blur(
    images: Any,
    kernel_size: Sequence[int] = (3, 3),
    sigma: Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> Any:
    """Each pixel as a mean of its neighbors with Gaussian weights; outside of the image is 0.

    Args:
        images: with or without a batch.
        kernel_size: width and height of the neighborhood, in Keras's order.
        sigma: standard deviations, in that order.
        data_format: where the channels are; that of `config` when None.
    """
    rows = floating(checked(images))
    up = axis_of_height(data_format)
    sizes = np.broadcast_to(kernel_size, 2).tolist()[::-1]
    widths = np.broadcast_to(sigma, 2).tolist()[::-1]
    spans = [(0, 0)] * len(lengths(rows))
    for axis, size in zip((up, up + 1), sizes, strict=True):
        spans[axis] = ((size - 1) // 2, size - 1 - (size - 1) // 2)
    rows = pad(rows, spans)
    for axis, size, width in zip((up, up + 1), sizes, widths, strict=True):
        rows = _along(rows, _bell(size, width), axis)
    return rows


@drawable
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """The vertical and horizontal slopes of images by Sobel filters, as a new last axis of length 2.

    Beyond the edges is 0.
    """
    rows = floating(checked(images))
    up = axis_of_height(data_format)
    spans = [(0, 0)] * len(lengths(rows))
    spans[up] = spans[up + 1] = (1, 1)
    rows = pad(rows, spans)
    rise, smooth = np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 1.0])
    vertical = _along(_along(rows, rise, up), smooth, up + 1)
    horizontal = _along(_along(rows, smooth, up), rise, up + 1)
    return ops.stack([vertical, horizontal], -1)


@drawable
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """The structural similarity of images, in [-1, 1]: one number for each of a batch.

    Args:
        image1, image2: of one shape, at least `filter_size` high and wide.
        max_val: the largest value of a pixel, 255 for integers.
        filter_size, filter_sigma: of the weights with which local means are taken.
        k1, k2: shares of `max_val` that keep the divisions finite.
        data_format: where the channels are; that of `config` when None.

    Reference: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity".
    """
    up = axis_of_height(data_format)
    first, second = floating(image1), floating(image2)
    weights = _bell(filter_size, filter_sigma)

    def local(images: Any) -> Any:
        return _along(_along(images, weights, up), weights, up + 1)

    mean1, mean2 = local(first), local(second)
    squares1, squares2, both = ops.square(mean1), ops.square(mean2), ops.multiply(mean1, mean2)
    variance1 = ops.subtract(local(ops.square(first)), squares1)
    variance2 = ops.subtract(local(ops.square(second)), squares2)
    covariance = ops.subtract(local(ops.multiply(first, second)), both)
    one, two = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    above = ops.multiply(ops.add(ops.multiply(both, 2.0), one), ops.add(ops.multiply(covariance, 2.0), two))
    below = ops.multiply(ops.add(ops.add(squares1, squares2), one), ops.add(ops.add(variance1, variance2), two))
    return ops.mean(ops.divide(above, below), (-3, -2, -1))
