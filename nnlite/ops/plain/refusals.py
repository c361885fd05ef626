"""Errors of NumPy in functions of arrays as those of nnlite."""

from collections.abc import Callable
from typing import Any

from nnlite.errors import ConfigError, DataError, ShapeError, WrongTypeError

__all__ = []


def wrong_type(name: str, error: TypeError) -> TypeError:
    """The error of the function `name` of `nnlite.ops` for NumPy's refusal of a type; nnlite's own is unchanged."""
    return error if isinstance(error, ValueError) else WrongTypeError(f"ops.{name}: {error}")


def call_traced(owner: str, expected: str, function: Callable[[], Any]) -> Any:
    """`function()`, with any error annotated with its origin and with what was expected."""

    def told(error: Exception) -> str:
        return f"{owner}: {error}" if expected in str(error) else f"{owner}: {error}; {expected}"

    try:
        return function()
    except (ConfigError, DataError) as error:
        refused: Any = error
        refused.message = told(error)
        refused.args = (refused.message,)
        raise
    except ValueError as error:  # NumPy's word for shapes that do not fit
        raise ShapeError(told(error)) from error
