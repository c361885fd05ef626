"""Predicates on dtypes and values."""

from collections import Counter
from typing import Any

import numpy as np

from nnlite.config import floatx
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.layers import Layer
from nnlite.layers.base.contract.naming import forget_names
from nnlite.layers.base.symbolic import Symbol, symbols_of

__all__ = ["clear_session", "get_source_inputs", "is_keras_tensor", "standardize_dtype"]

UIDS: Counter[str] = Counter()


def clear_session(free_memory: bool = True) -> None:
    """Reset `nnlite.backend.get_uid` and the numbering of layer names. Nothing else is kept between models."""
    UIDS.clear()
    forget_names()


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` stands for a value in the graph of a model, like `Input(...)`."""
    return isinstance(x, Symbol) or (isinstance(x, Layer) and x._symbol is not None)


def get_source_inputs(tensor: Any) -> list[Any]:
    """The inputs of the graph from which a symbol is computed, in order of discovery.

    Raises:
        WrongTypeError: not a symbol.

    >>> from nnlite.layers import Dense, Input
    >>> x = Input((3,))
    >>> get_source_inputs(Dense(1)(x))[0].shape
    (None, 3)
    """
    symbol = symbols_of(tensor)
    if not isinstance(symbol, Symbol):
        raise WrongTypeError(f"expected what a layer returns for an Input, got {tensor!r}")
    sources: dict[tuple, Symbol] = {}
    waiting, seen = [symbol], set()
    while waiting:
        value = waiting.pop()
        if value.key in seen:
            continue
        seen.add(value.key)
        if not value.inputs:
            sources[value.key] = value
        waiting += reversed(value.inputs)
    return list(sources.values())


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype; `floatx()` for None and `float`, `"int32"` for `int`.

    `"bfloat16"`, `"string"` and those of 8 bits are known names, though NumPy has no such type.

    Raises:
        ConfigError: not a NumPy dtype.
    """
    if isinstance(dtype, str) and dtype in ("bfloat16", "string", "float8_e4m3fn", "float8_e5m2"):
        return dtype
    if dtype is str:
        return "string"
    if isinstance(dtype, str) and dtype in ("float", "int"):  # types of Python, whose size is said by no name
        raise ConfigError(f"unknown dtype {dtype!r}; did you mean '{dtype}32'?")
    try:
        return floatx() if dtype is None or dtype is float else "int32" if dtype is int else np.dtype(dtype).name
    except TypeError:
        raise ConfigError(f"unknown dtype {dtype!r}") from None
