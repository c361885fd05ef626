"""Errors of NumPy in functions of arrays as those of nnlite."""

from collections.abc import Callable
from typing import Any

from nnlite.errors import ConfigError, DataError, ShapeError, WrongTypeError
from nnlite.tree import flatten

__all__ = []


class NoSuchAxisError(ShapeError, IndexError):
    """An axis or an index that an array does not have."""


def refused(name: str, error: TypeError | IndexError) -> Exception:
    """NumPy's refusal of the arguments of the function `name` of `nnlite.ops`; nnlite's own error is unchanged."""
    if isinstance(error, ValueError):
        return error
    return (WrongTypeError if isinstance(error, TypeError) else NoSuchAxisError)(f"ops.{name}: {error}")


def applies_functions(*arguments: Any) -> bool:
    """Whether there are functions among the arguments, or in their lists; types, such as `float`, are none."""
    return any(callable(item) and not isinstance(item, type) for item in flatten(arguments))


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
