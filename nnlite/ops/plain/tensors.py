"""Operators of the arrays that users get, with results in Keras's types."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.arrays.weights import EagerTensor
from nnlite.ops.base import NUMBERS
from nnlite.ops.tracing import CONSTANTS, FUNCTIONS

__all__ = []

WHOLE, REAL = ("b", "i", "u"), ("b", "i", "u", "f")  # kinds of types
# Operators for whose results NumPy and Keras choose types differently, and the functions of `nnlite.ops`.
OPERATORS = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide"}
OPERATORS |= {"mod": "mod", "pow": "power"}
BITWISE = ("and", "or", "xor", "lshift", "rshift")


def _operator(name: str, function: str, swapped: bool) -> Callable[..., Any]:
    """An operator: NumPy's where that keeps the type, else the function of `nnlite.ops`.

    NumPy makes float64 of integers and a number with a point, and int64 of booleans and an integer. A single integer
    repeats strings, lists and tuples, as those of Python and of NumPy do.
    """
    plain = getattr(np.ndarray, name)
    is_whole, repeats = function != "divide", function == "multiply"

    def operator(self: EagerTensor, other: Any) -> Any:
        typed = other.dtype.kind if isinstance(other, (np.ndarray, np.generic)) else ""
        known = typed in REAL if typed else type(other) in NUMBERS
        if not known or (self.dtype.kind not in WHOLE and typed not in WHOLE):
            if repeats and self.ndim == 0 and self.dtype.kind in "iu" and isinstance(other, (str, bytes, list, tuple)):
                return NotImplemented
            return plain(self, other)
        if is_whole and self.dtype.kind in "iu" and (type(other) is int or (typed and other.dtype == self.dtype)):
            return plain(self, other)
        compute = FUNCTIONS.get(function) or CONSTANTS[function]
        return compute(other, self) if swapped else compute(self, other)

    return operator


def _in_place(name: str) -> Callable[..., Any]:
    """An operator such as `+=`: NumPy's for arrays with axes; a single number is replaced, as scalars of NumPy are.

    Were it changed in place, other variables for the same number would change too.
    """
    change, compute = getattr(np.ndarray, f"__i{name}__"), getattr(EagerTensor, f"__{name}__")
    return lambda self, other: change(self, other) if self.ndim else compute(self, other)


for _name, _function in OPERATORS.items():
    setattr(EagerTensor, f"__{_name}__", _operator(f"__{_name}__", _function, swapped=False))
    setattr(EagerTensor, f"__r{_name}__", _operator(f"__r{_name}__", _function, swapped=True))
for _name in (*OPERATORS, *BITWISE):
    setattr(EagerTensor, f"__i{_name}__", _in_place(_name))
