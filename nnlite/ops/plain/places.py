"""Functions of NumPy that give places and counts, in the types that Keras gives them; types and axes as arguments."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.errors import ConfigError, ShapeError

__all__ = ["argsort", "bincount", "check_equal_shapes", "chosen_axes", "nonzero", "over_axes", "unravel_index"]


def argsort(x: ArrayLike, axis: int | None = -1) -> np.ndarray:
    """The indices that bring x into rising order along `axis`, those of equal numbers as they stand."""
    return np.argsort(x, axis, kind="stable")


def bincount(x: ArrayLike, weights: ArrayLike | None = None, minlength: int = 0, sparse: bool = False) -> np.ndarray:
    """The number, or the weight, of occurrences of each integer; a row of them for each row.

    Raises:
        ConfigError: `sparse`, which there is not.
        ShapeError: weights of another shape than x.
    """
    if sparse:
        raise ConfigError("there are no sparse arrays here: leave `sparse` out", ("sparse",))
    if weights is not None and np.shape(weights) != np.shape(x):
        raise ShapeError(f"bincount: weights have shape {np.shape(weights)}, x has {np.shape(x)}")
    if np.ndim(x) > 1:
        length = max(int(np.max(x, initial=-1)) + 1, minlength)
        rows = zip(np.asarray(x), itertools.repeat(None) if weights is None else np.asarray(weights), strict=False)
        return np.stack([bincount(row, weight, length) for row, weight in rows])
    counts = np.bincount(x, weights, minlength)
    kind = np.dtype(np.int32) if weights is None else np.asarray(weights).dtype
    return counts.astype(kind) if weights is None or kind.kind == "f" else counts


def nonzero(x: ArrayLike) -> tuple[np.ndarray, ...]:
    """The indices along each axis where x is not zero."""
    return tuple(places.astype(np.int32) for places in np.nonzero(np.asarray(x)))


def unravel_index(indices: ArrayLike, shape: Shape) -> tuple[np.ndarray, ...]:
    """The indices along each axis of places in one row."""
    return tuple(np.asarray(places, np.int32) for places in np.unravel_index(np.asarray(indices), tuple(shape)))


def chosen_axes(axis: int | Sequence[int] | None, rank: int) -> list[int]:
    """The axes that are meant, counted from the first one: all for None.

    Raises:
        ConfigError: there is no such axis.

    >>> chosen_axes(-1, 3), chosen_axes(None, 2)
    ([2], [0, 1])
    """
    axes = [*range(rank)] if axis is None else [int(one) for one in np.atleast_1d(axis)]
    for one in axes:
        if not -rank <= one < rank:
            raise ConfigError(f"axis {one} is out of bounds for an array of {rank} axes")
    return [one % rank for one in axes]


def check_equal_shapes(name: str, target: Sequence[int], output: Sequence[int]) -> None:
    """Targets have to have the shape of outputs: no cross-entropy repeats rows in silence."""
    if tuple(target) != tuple(output):
        raise ShapeError(f"{name}: targets of the shape {tuple(target)} do not fit the outputs of {tuple(output)}")


def over_axes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy over axes, whose third argument is `keepdims`, as in Keras."""

    @functools.wraps(function)
    def reduce(x: ArrayLike, axis: Any = None, keepdims: bool = False) -> Any:
        return function(x, axis=axis, keepdims=keepdims)

    return reduce
