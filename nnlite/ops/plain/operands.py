"""Operators of what stands for an array: they work on its value, and are recorded while a tape records."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.ops.base import NUMBERS
from nnlite.ops.plain.results import in_floatx
from nnlite.ops.tape import Leaf, active_tape
from nnlite.ops.tracing import CONSTANTS, FUNCTIONS, Traced

__all__ = ["Operand", "on_values"]


class Operand(Leaf):
    """Base of parameters: an object with a `value`, on which operators and indexing work.

    Attributes:
        value: the array.
        shown: the same in the type that users see.
        trainable: whether a tape that records derives by it.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        value: Any
        shown: Any
        trainable: bool

    def __getitem__(self, index: Any) -> Any:
        return self.recorded()[index]

    def recorded(self) -> Any:
        """The value; while a tape records, the recorded value if it is trainable."""
        tape = active_tape()
        return self.shown if tape is None or not self.trainable else tape.leaf(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply a function of NumPy, which also comes here for operators with an array to the left."""
        if method == "__call__" and not options and ufunc.__name__ in _OF_UFUNCS:
            return _applied(_OF_UFUNCS[ufunc.__name__], inputs)
        return getattr(ufunc, method)(*_values(inputs, True), **options)  # a recorded value refuses what is not derived

    if TYPE_CHECKING:  # in a layer's `call` a parameter stands for a traced value, which can do this
        _operator: Any = None
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = _operator
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _operator
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _operator
        __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __pos__ = __abs__ = __invert__ = __float__ = __int__ = _operator
        T: Any


def on_values(name: str) -> Callable[..., Any]:
    """The operator `name` of arrays, on the value; what is not data, such as a traced value, answers on its own."""
    derived = name in dir(Traced)

    def operator(self: Operand, *others: Any) -> Any:
        if not all(isinstance(item, DATA) for item in others):
            return NotImplemented
        values = _values([self, *others], derived)
        result = getattr(values[0], name)(*values[1:])
        return result if not others or isinstance(result, Traced) else in_floatx(result, values)

    return operator


def _by_function(function: str, swapped: bool) -> Callable[..., Any]:
    """An operator of two values as a function of `nnlite.ops`, whose types of results are Keras's."""

    def operator(self: Operand, other: Any) -> Any:
        if not isinstance(other, DATA):
            return NotImplemented
        return _applied(function, (other, self) if swapped else (self, other))

    return operator


def _applied(function: str, operands: Sequence[Any]) -> Any:
    return (FUNCTIONS.get(function) or CONSTANTS[function])(*_values(operands, function in FUNCTIONS))


def _values(operands: Sequence[Any], derived: bool) -> list[Any]:
    """The values of operands, recorded where there is a derivative."""
    return [item if not isinstance(item, Operand) else item.recorded() if derived else item.shown for item in operands]


DATA: tuple[type, ...] = (Operand, np.ndarray, np.generic, *NUMBERS, list, tuple)
_PAIRS = "add:add sub:subtract mul:multiply truediv:divide floordiv:floor_divide mod:mod pow:power matmul:matmul"
_PAIRS += " and:logical_and or:logical_or xor:logical_xor"
_FUNCTIONS = {name: function for name, _, function in (pair.partition(":") for pair in _PAIRS.split())}
_OF_UFUNCS = {name: name for name in _FUNCTIONS.values()} | {"remainder": "mod"}
for _name, _function in _FUNCTIONS.items():
    setattr(Operand, f"__{_name}__", _by_function(_function, swapped=False))
    setattr(Operand, f"__r{_name}__", _by_function(_function, swapped=True))
for _name in ("lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "float", "int"):
    setattr(Operand, f"__{_name}__", on_values(f"__{_name}__"))
