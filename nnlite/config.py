"""The default floating-point type of new layers, metrics and losses."""

from nnlite.errors import ConfigError, did_you_mean

FLOAT_TYPES = ("float32", "float64")
_floatx = "float32"


def floatx() -> str:
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
    _floatx = dtype
