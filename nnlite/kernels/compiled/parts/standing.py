"""Arrays of a table of addresses, as seen by compiled code."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from nnlite.kernels.compiled.dense import compiled

__all__ = []


def _make_pointer(context: Any, address: Any, like: Any) -> tuple[Any, Any]:
    """The address as one of numbers of the type of an array's."""
    signature = types.CPointer(like.dtype)(address, like)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return signature, generate


_pointer: Any = intrinsic(_make_pointer)


@compiled
def vector(table: np.ndarray, row: int, like: np.ndarray) -> np.ndarray:
    """The array in a row of the table of `Standing`, flat, with numbers of the type of those of `like`."""
    return carray(_pointer(table[row, 0], like), table[row, 1])


@compiled
def matrix(table: np.ndarray, row: int, columns: int, like: np.ndarray) -> np.ndarray:
    """As `vector`, in rows of this length."""
    return vector(table, row, like).reshape(table[row, 1] // columns, columns)
