"""Elementwise functions of `keras.ops` that are made of ops."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.ops import functions as ops
from nnlite.ops.base import as_written
from nnlite.ops.names.constants import as_floats, convert_to_numpy
from nnlite.ops.tracing import Traced

__all__ = [
    "absolute",
    "cosh",
    "deg2rad",
    "divide_no_nan",
    "erfc",
    "exp2",
    "glu",
    "hard_swish",
    "hypot",
    "log2",
    "log10",
    "logaddexp",
    "rad2deg",
    "reciprocal",
    "rsqrt",
    "select",
    "sinh",
    "swish",
    "tan",
    "true_divide",
]

absolute, true_divide = ops.abs, ops.divide
swish, hard_swish = ops.silu, ops.hard_silu


def reciprocal(x: Any) -> Any:
    """1 / x."""
    return ops.divide(1.0, x)


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return ops.divide(1.0, ops.sqrt(x))


@ops.drawable
def glu(x: Any, axis: int = -1) -> Any:
    """The first half of x along `axis`, times the sigmoid of the second half. Reference: Dauphin et al. 2017."""
    first, gate = ops.split(x, 2, axis)
    return ops.multiply(first, ops.sigmoid(gate))


def tan(x: Any) -> Any:
    """sin(x) / cos(x)."""
    return ops.divide(ops.sin(x), ops.cos(x))


@ops.drawable
def sinh(x: Any) -> Any:
    """(exp(x) - exp(-x)) / 2, exact near 0."""
    x = as_floats(x)
    return ops.multiply(ops.subtract(ops.expm1(x), ops.expm1(ops.negative(x))), 0.5)


@ops.drawable
def cosh(x: Any) -> Any:
    """(exp(x) + exp(-x)) / 2."""
    x = as_floats(x)
    return ops.multiply(ops.add(ops.exp(x), ops.exp(ops.negative(x))), 0.5)


def exp2(x: Any) -> Any:
    """2 to the power of x."""
    return ops.exp(ops.multiply(x, math.log(2)))


def log2(x: Any) -> Any:
    """The logarithm to base 2."""
    return ops.divide(ops.log(x), math.log(2))


def log10(x: Any) -> Any:
    """The logarithm to base 10."""
    return ops.divide(ops.log(x), math.log(10))


@ops.drawable
def logaddexp(x1: Any, x2: Any) -> Any:
    """log(exp(x1) + exp(x2)), without overflow."""
    if not isinstance(x1, Traced) and not isinstance(x2, Traced):
        return np.logaddexp(*as_written([x1, x2]))
    difference = ops.subtract(x1, x2)
    return ops.add(ops.maximum(x1, x2), ops.log1p(ops.exp(ops.negative(ops.abs(difference)))))


def erfc(x: Any) -> Any:
    """1 - erf(x)."""
    return ops.subtract(1.0, ops.erf(x))


@ops.drawable
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0."""
    zero = convert_to_numpy(x2) == 0
    return ops.where(zero, 0.0, ops.divide(x1, ops.where(zero, 1, x2))) if zero.any() else ops.divide(x1, x2)


def hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1 ** 2 + x2 ** 2)."""
    return ops.sqrt(ops.add(ops.square(x1), ops.square(x2)))


def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return ops.multiply(x, math.pi / 180)


def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return ops.multiply(x, 180 / math.pi)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """For each entry, the choice of the first condition that holds."""
    if not len(condlist) == len(choicelist) > 0:
        message = f"needs as many choices as conditions, at least one, got {len(choicelist)} and {len(condlist)}"
        raise ConfigError(message, ("select",))
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        default = ops.where(condition, choice, default)
    return default
