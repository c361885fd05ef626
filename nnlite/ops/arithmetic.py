"""Elementwise arithmetic of one or two arrays, with NumPy broadcasting."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.jacobians import Broadcast, Diagonal, Jacobians
from nnlite.ops.base import Op, as_arrays

__all__ = ["Add", "Divide", "Maximum", "Minimum", "Multiply", "Negative", "Power", "Sub", "Subtract", "Where"]


class Add(Op):
    """Elementwise sum c = a + b.

    >>> from nnlite.ops import Add
    >>> add = Add()
    >>> add.forward([1.0, 2.0], 3.0).tolist()
    [4.0, 5.0]
    >>> [gradient.tolist() for gradient in add.backward([1.0, 10.0])]
    [[1.0, 10.0], 11.0]
    """

    _keeps_integers = True

    def linearize(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        c = a + b
        return c, Jacobians(Broadcast(a.shape, c.shape), Broadcast(b.shape, c.shape))


class Subtract(Op, aliases=("sub",)):
    """Elementwise difference c = a - b.

    >>> from nnlite.ops import Subtract
    >>> subtract = Subtract()
    >>> subtract.forward([1.0, 2.0], 3.0).tolist()
    [-2.0, -1.0]
    >>> [gradient.tolist() for gradient in subtract.backward([1.0, 10.0])]
    [[1.0, 10.0], -11.0]
    """

    _keeps_integers = True

    def linearize(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        c = a - b
        minus_one = np.array(-1).astype(c.dtype)
        return c, Jacobians(Broadcast(a.shape, c.shape), Diagonal(minus_one, b.shape, c.shape))


Sub = Subtract


class Multiply(Op):
    """Elementwise product c = a * b; dc/da = b, dc/db = a.

    >>> from nnlite.ops import Multiply
    >>> multiply = Multiply()
    >>> multiply.forward([1.0, 2.0], [5.0, 4.0]).tolist()
    [5.0, 8.0]
    >>> [gradient.tolist() for gradient in multiply.backward(1)]
    [[5.0, 4.0], [1.0, 2.0]]
    """

    _keeps_integers = True

    def linearize(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        c = a * b
        return c, Jacobians(Diagonal(b, a.shape, c.shape), Diagonal(a, b.shape, c.shape))


class Divide(Op):
    """Elementwise quotient c = a / b; dc/da = 1 / b, dc/db = -c / b.

    >>> from nnlite.ops import Divide
    >>> divide = Divide()
    >>> divide.forward([1.0, 6.0], 2.0).tolist()
    [0.5, 3.0]
    >>> [gradient.tolist() for gradient in divide.backward(1)]
    [[0.5, 0.5], -1.75]
    """

    def linearize(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        c = a / b
        return c, Jacobians(Diagonal(1 / b, a.shape, c.shape), Diagonal(-c / b, b.shape, c.shape))


class Power(Op):
    """Elementwise power c = a ** b; dc/da = b * a ** (b - 1), dc/db = c * log(a).

    dc/da is 0 where b is 0; dc/db is 0 where a is 0, and nan where a is negative: no real derivative exists there.

    >>> from nnlite.ops import Power
    >>> power = Power()
    >>> power.forward([1.0, 3.0], 2.0).tolist()
    [1.0, 9.0]
    >>> power.backward(1)[0].tolist()  # b * a ** (b - 1)
    [2.0, 6.0]
    """

    _keeps_integers = True

    def _of_integers(self, a: np.ndarray, b: np.ndarray) -> Any:
        return np.power(a, b)

    def linearize(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        with np.errstate(divide="ignore", invalid="ignore"):
            c = a**b
            by_base = np.where(b == 0, 0, b * a ** (b - 1))
            by_exponent = np.where(a == 0, 0, c * np.log(a))
        return c, Jacobians(Diagonal(by_base, a.shape, c.shape), Diagonal(by_exponent, b.shape, c.shape))


class Negative(Op):
    """Elementwise y = -x.

    >>> from nnlite.ops import Negative
    >>> negative = Negative()
    >>> negative.forward([1.0, -2.0]).tolist(), negative.backward(1).tolist()
    ([-1.0, 2.0], [-1.0, -1.0])
    """

    _keeps_integers = True

    def linearize(self, x: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return -x, Jacobians(Diagonal(np.full((), -1, x.dtype), x.shape, x.shape))

    def _of_integers(self, x: np.ndarray) -> np.ndarray:
        return -x  # of unsigned ones too, which have no -1


class _Choice(Op, abstract=True):
    """Base of Maximum and Minimum: the chosen input has slope 1, at a tie each has 1/2."""

    _keeps_integers = True

    def choose(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The elementwise choice."""
        raise NotImplementedError

    def linearize(self, a: Array, b: Array) -> tuple[np.ndarray, Jacobians]:
        c = self.choose(a.real, b.real)
        left = np.where(a.real == b.real, 0.5, a.real == c).astype(c.dtype)
        if "c" in (a.dtype.kind, b.dtype.kind):
            c = a * left + b * (1 - left)
        return c, Jacobians(Diagonal(left, a.shape, c.shape), Diagonal(1 - left, b.shape, c.shape))


class Maximum(_Choice):
    """Elementwise larger of a and b; complex numbers are compared by their real part.

    >>> from nnlite.ops import Maximum
    >>> maximum = Maximum()
    >>> maximum.forward([1.0, 2.0, 5.0], 2.0).tolist()
    [2.0, 2.0, 5.0]
    >>> maximum.backward(1)[0].tolist()
    [0.0, 0.5, 1.0]
    """

    def choose(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(a, b)


class Minimum(_Choice):
    """Elementwise smaller of a and b; complex numbers are compared by their real part.

    >>> from nnlite.ops import Minimum
    >>> minimum = Minimum()
    >>> minimum.forward([1.0, 2.0, 5.0], 2.0).tolist()
    [1.0, 2.0, 2.0]
    >>> minimum.backward(1)[0].tolist()
    [1.0, 0.5, 0.0]
    """

    def choose(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.minimum(a, b)


class Where(Op):
    """y = a where `condition` holds, else b; the condition has no derivative (None).

    >>> from nnlite.ops import Where
    >>> where = Where()
    >>> where.forward([True, False], [1.0, 2.0], [10.0, 20.0]).tolist()
    [1.0, 20.0]
    >>> [gradient.tolist() for gradient in where.backward(1)[1:]]
    [[1.0, 0.0], [0.0, 1.0]]
    """

    _keeps_integers = True
    _data_inputs = slice(1, None)

    def _as_inputs(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        condition, *values = inputs
        return [np.asarray(condition).astype(bool), *as_arrays(values)]

    def _of_integers(self, condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The same of integers and of strings, which have no derivative."""
        return np.where(condition, a, b)

    def linearize(self, condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        c: Array = np.where(condition, a, b)
        chosen = condition.astype(c.real.dtype)
        return c, Jacobians(None, Diagonal(chosen, a.shape, c.shape), Diagonal(1 - chosen, b.shape, c.shape))
