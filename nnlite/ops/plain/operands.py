"""Operators of what stands for an array: they work on its value, and are recorded while a tape records."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.ops.base import NUMBERS
from nnlite.ops.plain.results import in_floatx
from nnlite.ops.tape import Leaf, active_tape
from nnlite.ops.tracing import Traced

__all__ = ["Operand", "on_values"]


class Operand(Leaf):
    """Base of parameters: an object with a `value`, on which operators and indexing work.

    Attributes:
        value: the array.
        trainable: whether a tape that records derives by it.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        value: Any
        trainable: bool

    def __getitem__(self, index: Any) -> Any:
        return self.recorded()[index]

    def recorded(self) -> Any:
        """The value; while a tape records, the recorded value if it is trainable."""
        tape = active_tape()
        return self.value if tape is None or not self.trainable else tape.leaf(self)

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
        if not all(isinstance(item, (Operand, np.ndarray, np.generic, *NUMBERS, list, tuple)) for item in others):
            return NotImplemented
        values = [
            item if not isinstance(item, Operand) else item.recorded() if derived else item.value
            for item in (self, *others)
        ]
        result = getattr(values[0], name)(*values[1:])
        return result if not others or isinstance(result, Traced) else in_floatx(result, values)

    return operator


_two_sided = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
_others = ("lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "float", "int")
for _name in (*_two_sided, *(f"r{_name}" for _name in _two_sided), *_others):
    setattr(Operand, f"__{_name}__", on_values(f"__{_name}__"))
