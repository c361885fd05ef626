"""Ops as `keras.ops` calls them, with its additional arguments."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.ops import functions as ops
from nnlite.ops.base import called
from nnlite.ops.names.constants import as_axes, cast, convert_to_numpy, dtype, nonzero, shape
from nnlite.ops.plain.places import chosen_axes
from nnlite.ops.tracing import drawable

__all__ = ["clip", "einsum", "expand_dims", "gelu", "logsumexp", "max", "min", "reshape", "squeeze", "where"]

Axis = int | Shape | None


@called("x", "newshape")
def reshape(x: Any, shape: int | Sequence[int]) -> Any:
    """x in another shape; one entry of it may be -1."""
    sizes = np.atleast_1d(convert_to_numpy(shape)).tolist()
    return ops.reshape(x, tuple(int(size) for size in sizes))


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """x with new axes of length 1 at `axis`, counted in the result."""
    if isinstance(axis, (int, np.integer)):
        return ops.expand_dims(x, axis)
    if not isinstance(axis, (list, tuple)):
        raise WrongTypeError(f"must be an integer, or several in a tuple, got {axis!r}", ("expand_dims", "axis"))
    rank = len(shape(x)) + len(axis)
    for one in sorted(chosen_axes(axis, rank)):
        x = ops.expand_dims(x, one)
    return x


def einsum(subscripts: Any, *operands: Any) -> Any:
    """The product of the operands, summed over the labels that the result lacks: see `Einsum`.

    `einsum("ij,jk->ik", a, b)` may be written with numbers for labels, `einsum(a, [0, 1], b, [1, 2], [0, 2])`. Products
    of int8 are int32.
    """
    if isinstance(subscripts, str):
        small = all(dtype(operand) == "int8" for operand in operands)
        return ops.einsum(subscripts, *([cast(operand, "int32") for operand in operands] if small else operands))
    items = (subscripts, *operands)
    count = len(items) // 2 * 2
    text = ",".join(map(_letters, items[1:count:2]))
    return ops.einsum(f"{text}->{_letters(items[-1])}" if len(items) > count else text, *items[:count:2])


def _letters(labels: Sequence[Any]) -> str:
    """Numbers of axes as letters, in the same order; `...` is kept."""
    return "".join("..." if label is ... else ascii_letters[label] for label in labels)


@drawable
def logsumexp(x: Any, axis: Axis | list[int] = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`; the largest x is taken out first, so that nothing overflows."""
    return ops.logsumexp(x, as_axes(axis), keepdims)


@drawable
def squeeze(x: Any, axis: Axis | list[int] = None) -> Any:
    """x without axes of length 1: those of `axis`, or all."""
    return ops.squeeze(x, as_axes(axis))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where `condition` holds, else x2; without them the indices where it holds, like `nonzero`.

    Raises:
        ConfigError: one of `x1` and `x2` alone.
    """
    if (x1 is None) != (x2 is None):
        raise ConfigError("where takes x1 and x2 together, or neither", ("x2" if x2 is None else "x1",))
    return nonzero(condition) if x1 is None and x2 is None else ops.where(condition, x1, x2)


def max(x: Any, axis: Axis | list[int] = None, keepdims: bool = False, initial: float | None = None) -> Any:
    """The largest numbers over `axis`, at least `initial`, which is the answer where there are none."""
    return _from_initial(ops.max, ops.maximum, x, axis, keepdims, initial)


def min(x: Any, axis: Axis | list[int] = None, keepdims: bool = False, initial: float | None = None) -> Any:
    """The smallest numbers over `axis`, at most `initial`, which is the answer where there are none."""
    return _from_initial(ops.min, ops.minimum, x, axis, keepdims, initial)


def _from_initial(reduce: Any, combine: Any, x: Any, axis: Any, keepdims: bool, initial: float | None) -> Any:
    """A reduction to extremes that begins at `initial`, in the type of x."""
    if initial is not None and 0 in shape(x):
        array = np.asarray(convert_to_numpy(x))
        return np.max(array, as_axes(axis), keepdims=keepdims, initial=array.dtype.type(initial))
    result = reduce(x, axis, keepdims)
    if initial is None:
        return result
    kind = dtype(result)
    return combine(result, float(initial) if "float" in kind else np.asarray(initial, kind))


@drawable
@called("x", "x_min", "x_max")
def clip(x: Any, x_min: Any = None, x_max: Any = None) -> Any:
    """x, at least `x_min` and at most `x_max`, numbers or arrays; None for no bound. Booleans become int32."""
    x = cast(x, "int32") if dtype(x) == "bool" else x
    if all(isinstance(bound, (int, float)) for bound in (x_min, x_max)):
        return ops.clip(x, x_min, x_max)
    x = x if x_min is None else ops.maximum(x, x_min)
    return x if x_max is None else ops.minimum(x, x_max)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution function, by default in its tanh approximation.

    `nnlite.activations.gelu` is the exact one by default, as in Keras.
    """
    return ops.gelu(x, approximate)
