"""Products, means and norms of `keras.ops` that are made of ops."""

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite import config
from nnlite.arrays.types import ArrayLike, Shape
from nnlite.config import floatx
from nnlite.errors import ConfigError, ShapeError
from nnlite.ops import functions as ops
from nnlite.ops.names.arranging import moveaxis, ravel
from nnlite.ops.names.calls import expand_dims
from nnlite.ops.names.constants import cast, convert_to_numpy, lengths
from nnlite.ops.names.pointwise import rsqrt
from nnlite.ops.plain.places import chosen_axes
from nnlite.ops.plain.results import by_float32, in_floatx

__all__ = [
    "amax",
    "amin",
    "average",
    "dot",
    "inner",
    "layer_normalization",
    "moments",
    "norm",
    "normalize",
    "outer",
    "psnr",
    "rms_normalization",
    "tensordot",
    "vdot",
]

Axis = int | Shape | None

amax, amin = ops.max, ops.min


@ops.drawable
def dot(x1: Any, x2: Any) -> Any:
    """The product over the last axis of x1 and the second to last of x2, or its only one."""
    first, second = len(lengths(x1)), len(lengths(x2))
    if not first or not second:
        return ops.multiply(x1, x2)
    return tensordot(x1, x2, ([first - 1], [builtins.max(second - 2, 0)]))


@ops.drawable
def tensordot(x1: Any, x2: Any, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Any:
    """The product over several axes: the last of x1 and the first of x2, or the given ones."""
    first, second = len(lengths(x1)), len(lengths(x2))
    if isinstance(axes, int) and axes > min(first, second):
        raise ShapeError(f"tensordot over {axes} axes needs as many in both arrays, got {first} and {second}")
    ends = axes if not isinstance(axes, int) else (range(first - axes, first), range(axes))
    pairs = {two % second: one % first for one, two in zip(*(np.atleast_1d(end).tolist() for end in ends), strict=True)}
    letters = "abcdefghijklmnopqrstuvwxyz"
    if first + second > len(letters):
        raise ShapeError(f"tensordot takes arrays of up to {len(letters)} axes together, got {first} and {second}")
    left = letters[:first]
    right = "".join(left[pairs[axis]] if axis in pairs else letters[first + axis] for axis in range(second))
    kept = [letter for letter in left + right if letter not in {left[axis] for axis in pairs.values()}]
    return ops.einsum(f"{left},{right}->{''.join(kept)}", x1, x2)


def outer(x1: Any, x2: Any) -> Any:
    """The product of each entry of x1 with each of x2."""
    return ops.multiply(ops.expand_dims(ravel(x1), 1), ops.expand_dims(ravel(x2), 0))


def vdot(x1: Any, x2: Any) -> Any:
    """The sum of the products of all entries."""
    return ops.einsum("i,i->", ravel(x1), ravel(x2))


@ops.drawable
def inner(x1: Any, x2: Any) -> Any:
    """The product over the last axes of both."""
    first, second = len(lengths(x1)), len(lengths(x2))
    return ops.multiply(x1, x2) if not first or not second else tensordot(x1, x2, ([first - 1], [second - 1]))


@ops.drawable
def average(x: Any, axis: Axis = None, weights: ArrayLike | None = None) -> Any:
    """The mean, or sum(x * weights) / sum(weights)."""
    if weights is None:
        return ops.mean(x, axis)
    factors = np.asarray(in_floatx(np.asarray(weights), (weights, x)))
    if factors.ndim < len(lengths(x)) and isinstance(axis, int):
        factors = factors.reshape([-1 if index == axis % len(lengths(x)) else 1 for index in range(len(lengths(x)))])
    factors = np.broadcast_to(factors, lengths(x))
    return ops.divide(ops.sum(ops.multiply(x, factors), axis), factors.sum(axis))


def moments(x: Any, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """The mean and the biased variance over `axes`."""
    return ops.mean(x, axes, keepdims), ops.var(x, axes, keepdims)


@ops.drawable
@by_float32
def norm(x: Any, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The norm of vectors along one axis, or of matrices along two, as in `numpy.linalg.norm`.

    Args:
        x: an array.
        ord: of vectors any number, 2 by default; of matrices `"fro"`, the default, 1, infinity and their negatives,
            and `"nuc"`, 2 and -2, which take the singular values.
        axis: one, or two; with None all of a vector or a matrix, or without `ord` of any array.
        keepdims: whether the axes stay, with length 1.
    """
    x = cast(x, floatx()) if convert_to_numpy(x).dtype.kind in "biu" else x
    rank = len(lengths(x))
    if axis is None and (ord is None or rank not in (1, 2)):
        if ord is not None:
            raise ShapeError(f"norm with ord={ord!r} takes vectors and matrices, or an axis, got {rank} axes")
        return ops.sqrt(ops.sum(ops.square(x), None, keepdims))
    axes = tuple(chosen_axes(axis, rank))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes, keepdims)


def _vector_norm(x: Any, ord: float | str | None, axis: int, keepdims: bool) -> Any:
    if isinstance(ord, str):
        raise ShapeError(f"norm of vectors takes a number, got ord={ord!r}")
    sizes = ops.abs(x)
    if ord in (np.inf, -np.inf):
        return (ops.max if ord == np.inf else ops.min)(sizes, axis, keepdims)
    if ord == 0:
        return ops.sum(np.asarray(convert_to_numpy(x) != 0, np.result_type(convert_to_numpy(sizes))), axis, keepdims)
    if ord == 1:
        return ops.sum(sizes, axis, keepdims)
    if ord in (None, 2):
        return ops.sqrt(ops.sum(ops.square(x), axis, keepdims))
    return ops.power(ops.sum(ops.power(sizes, float(ord)), axis, keepdims), 1 / float(ord))


def _matrix_norm(x: Any, ord: float | str | None, axes: tuple[int, ...], keepdims: bool) -> Any:
    if len(axes) != 2 or ord not in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        raise ShapeError(f"norm takes one or two axes, and of matrices a known order, got ord={ord!r}, axis={axes}")
    if ord in (None, "fro"):
        return ops.sqrt(ops.sum(ops.square(x), axes, keepdims))
    if ord in ("nuc", 2, -2):
        size = (ops.sum if ord == "nuc" else ops.max if ord == 2 else ops.min)(_singular_values(x, axes), -1)
        return expand_dims(size, axes) if keepdims else size
    added, chosen = axes if abs(ord) == 1 else axes[::-1]  # type: ignore[arg-type]
    sums = ops.sum(ops.abs(x), added, True)
    largest = (ops.max if ord in (1, np.inf) else ops.min)(sums, chosen, True)  # type: ignore[comparison-overlap]
    return largest if keepdims else ops.squeeze(largest, axes)


def _singular_values(x: Any, axes: tuple[int, ...]) -> Any:
    """left' x right of the singular vectors, as constants: a small change of x changes the values by just that."""
    matrices = moveaxis(x, axes, (-2, -1))
    values = convert_to_numpy(matrices)
    left, _, right = np.linalg.svd(values.astype(np.result_type(values, np.float32)), full_matrices=False)
    left, right = left.astype(values.dtype), right.astype(values.dtype)  # NumPy has no decomposition of 16 bits
    return ops.einsum("...ki,...kl,...il->...i", left, matrices, right)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm along `axis`, at least `epsilon` (`config.epsilon()` when None); several axes: one vector.

    Raises:
        ConfigError: `order` is not an integer >= 1.
    """
    if not isinstance(order, (int, np.integer)) or order < 1:
        raise ConfigError(f"normalize: order must be an integer >= 1, got {order!r}", ("order",))
    least = config.epsilon() if epsilon is None else epsilon
    return ops.divide(x, ops.maximum(norm(x, None if order == 2 else order, axis, True), least))


def rms_normalization(x: Any, scale: Any = None, axis: Axis = -1, epsilon: float | None = None) -> Any:
    """x / sqrt(mean(x ** 2) + epsilon), times `scale`; `epsilon` is `config.epsilon()` when None."""
    epsilon = config.epsilon() if epsilon is None else epsilon
    result = ops.multiply(x, rsqrt(ops.add(ops.mean(ops.square(x), axis, True), epsilon)))
    return result if scale is None else ops.multiply(result, scale)


def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Axis = -1, epsilon: float | None = None
) -> Any:
    """(x - mean) / sqrt(variance + epsilon), times `gamma`, plus `beta`; `epsilon` is `config.epsilon()` when None."""
    epsilon = config.epsilon() if epsilon is None else epsilon
    mean, variance = moments(x, axis, True)
    result = ops.multiply(ops.subtract(x, mean), rsqrt(ops.add(variance, epsilon)))
    result = result if gamma is None else ops.multiply(result, gamma)
    return result if beta is None else ops.add(result, beta)


@ops.drawable
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The ratio of the largest possible value to the root mean squared difference, in decibels."""
    apart = ops.subtract(ops.multiply(x1, 1.0), ops.multiply(x2, 1.0))  # small integers would wrap around
    error = ops.mean(ops.square(apart))
    return ops.subtract(20 * math.log10(max_val), ops.multiply(ops.log(error), 10 / math.log(10)))
