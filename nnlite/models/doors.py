"""Doors: methods of a model that are those of its trainer, or of its derivatives."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

__all__ = ["door"]

P = ParamSpec("P")
R = TypeVar("R")


def door(part: str, method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method of a model that calls the one of the same name of `model.<part>`.

    Its signature and its docstring are those of `method`, for `help`, `inspect.signature`, editors and type checkers.

    Args:
        part: `"trainer"` or `"derivatives"`.
        method: of the class of that part.
    """
    name = method.__name__

    @functools.wraps(method)
    def enter(self: Any, *arguments: P.args, **options: P.kwargs) -> R:
        return getattr(getattr(self, part), name)(*arguments, **options)

    return enter
