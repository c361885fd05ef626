"""The default floating-point type of new layers, metrics and losses, and the largest dense Jacobian."""

from typing import Literal, cast, get_args

from nnlite.errors import ConfigError, did_you_mean

FloatType = Literal["float32", "float64"]
FLOAT_TYPES = get_args(FloatType)
_floatx: FloatType = "float32"
_dense_limit = 2**30


def floatx() -> FloatType:
    """Name of the default dtype, `"float32"` unless `set_floatx` changed it."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Choose the dtype of layers built from now on: `"float32"` (fast) or `"float64"` (checks, small data).

    Raises:
        ConfigError: any other name.
    """
    global _floatx
    if dtype not in FLOAT_TYPES:
        raise ConfigError(f"unknown float type {dtype!r}; {did_you_mean(dtype, FLOAT_TYPES)}")
    _floatx = cast(FloatType, dtype)


def dense_limit() -> int:
    """Bytes up to which `todense()` of a Jacobian is carried out, 1 GiB unless `set_dense_limit` changed it."""
    return _dense_limit


def set_dense_limit(nbytes: int) -> None:
    """Allow dense Jacobians of up to `nbytes` bytes.

    Raises:
        ConfigError: not an integer >= 0.
    """
    global _dense_limit
    if not isinstance(nbytes, int) or isinstance(nbytes, bool) or nbytes < 0:
        raise ConfigError(f"the limit must be an integer number of bytes >= 0, got {nbytes!r}")
    _dense_limit = nbytes
