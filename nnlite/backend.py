"""The names of `keras.backend`: defaults of `nnlite.config`, and predicates on dtypes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnlite import __version__
from nnlite.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from nnlite.errors import ConfigError, did_you_mean
from nnlite.utils.types import UIDS, clear_session, is_keras_tensor, standardize_dtype

__all__ = [
    "RematScope",
    "backend",
    "clear_session",
    "device",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "remat",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
    "version",
]

REMAT_MODES = ("full", "activations", "larger_than", "list_of_layers")


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """A context in which arrays are on a device; the only one is the processor, `"cpu"` or `"cpu:0"`.

    Raises:
        ConfigError: another device.

    >>> with device("cpu:0"):
    ...     print(np.ones(2))
    [1. 1.]
    """
    if str(device_name).lower().partition(":")[0] != "cpu":
        raise ConfigError(f"nnlite computes on the processor, 'cpu', got {device_name!r}")
    yield


class RematScope:
    """A context in which Keras computes values again on the way back, to save memory; here they are kept as always.

    Args:
        mode: `"full"`, `"activations"`, `"larger_than"`, `"list_of_layers"` or None.
        output_size_threshold, layer_names: Keras's, of the last two modes.

    Raises:
        ConfigError: another mode.

    >>> with RematScope("larger_than", output_size_threshold=512) as scope:
    ...     scope.mode
    'larger_than'
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None
    ) -> None:
        if mode not in (None, *REMAT_MODES):
            raise ConfigError(f"unknown mode {mode!r}; {did_you_mean(str(mode), REMAT_MODES)}", ("RematScope", "mode"))
        self.mode, self.output_size_threshold, self.layer_names = mode, output_size_threshold, list(layer_names or ())

    def __enter__(self) -> "RematScope":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f` itself: see `RematScope`."""
    return f


def version() -> str:
    """The version of nnlite."""
    return __version__


def get_uid(prefix: str = "") -> int:
    """A number that counts the calls with this `prefix`: 1, 2, ..."""
    UIDS[prefix] += 1
    return UIDS[prefix]


def is_float_dtype(dtype: Any) -> bool:
    """Whether a type is a floating-point one."""
    return "float" in standardize_dtype(dtype)


def is_int_dtype(dtype: Any) -> bool:
    """Whether a type holds integers, signed or not."""
    return "int" in standardize_dtype(dtype)


def result_type(*dtypes: Any) -> str:
    """The dtype that NumPy arrays of these dtypes promote to, as in Keras; `floatx()` without arguments.

    By NumPy's rules among floating-point types and among integers; where both meet, integers do not count, and no type
    of 64 bits is the answer, as in Keras. Functions of `nnlite.ops` keep such types. `int` and `float`, the types of a
    program's numbers, only say what kind of type it is.

    >>> result_type("int64", "float16"), result_type("int32", "int64"), result_type("int8", int), result_type(float)
    ('float16', 'int32', 'int8', 'float32')
    """
    plain = [dtype for dtype in dtypes if dtype is int or dtype is float]
    names = [standardize_dtype(dtype) for dtype in dtypes if dtype is not int and dtype is not float]
    floats = {name for name in names if is_float_dtype(name)}
    if set(names) == {"string"} and not plain:
        return "string"
    if any(name.startswith("float8") for name in floats):
        raise ConfigError(f"no type of 8 bits is converted by itself: cast it first, got {names}")
    if not floats and (float in plain or not dtypes):
        return floatx()
    if "bfloat16" in floats:
        return "bfloat16" if len(floats) == 1 else "float32"
    whole = {name for name in names if name != "bool"} or ({"int32"} if plain else set(names))
    if "complex64" in names or "complex128" in names:
        return "complex64"
    return np.result_type(*(floats or whole)).name.replace("64", "32")
