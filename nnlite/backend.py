"""Names of `keras.backend`: defaults of `nnlite.config`, and questions about types."""

from typing import Any

import numpy as np

from nnlite.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from nnlite.utils.types import UIDS, clear_session, is_keras_tensor, standardize_dtype

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def get_uid(prefix: str = "") -> int:
    """A number that counts the calls with this `prefix`: 1, 2, ..."""
    UIDS[prefix] += 1
    return UIDS[prefix]


def is_float_dtype(dtype: Any) -> bool:
    """Whether a type is a floating-point one."""
    return np.dtype(standardize_dtype(dtype)).kind == "f"


def is_int_dtype(dtype: Any) -> bool:
    """Whether a type holds integers, signed or not."""
    return np.dtype(standardize_dtype(dtype)).kind in "iu"


def result_type(*dtypes: Any) -> str:
    """The type that numbers of these types have together; `floatx()` for none.

    By NumPy's rules among floating-point types and among integers; where both meet, integers do not count, as in Keras.

    >>> result_type("int64", "float32"), result_type("int32", "int64")
    ('float32', 'int64')
    """
    names = [standardize_dtype(dtype) for dtype in dtypes] or [floatx()]
    floats = [name for name in names if is_float_dtype(name)]
    return np.result_type(*(floats or names)).name
