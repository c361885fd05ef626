"""One rule for fast paths: none outlives the method that it replaces.

A fast path is a method or attribute that answers for a slower method of the same class: `Loss.total` for the gradient
that `per_row` gives step by step, `Layer.at_inference` for `linearize`. It is right as long as the slow method is the
one that it was written beside. A subclass that redefines the slow method alone would be computed by the fast path of
another function; there the fast path is withdrawn, which means: set back to the answer of the class that declares it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["outlives", "withdraw_fast_paths"]

Method = TypeVar("Method", bound=Callable)


def outlives(*slow: str) -> Callable[[Method], Method]:
    """Mark a definition of a fast path that remains valid when a subclass overrides the methods `slow`.

    That is so where it runs them, or has nothing to do with them.
    """

    def mark(method: Method) -> Method:
        method.outlives = slow  # type: ignore[attr-defined]
        return method

    return mark


def withdraw_fast_paths(cls: type) -> None:
    """Remove the fast paths of `cls` whose slow method is overridden by a class that precedes theirs.

    A class declares them in `_fast_paths`, `{name: (slow method, ...)}`, and defines the answer of those that have
    none: None, False, or the slow way itself. They are looked at in the order of declaration, so that one that is
    withdrawn counts as redefined for those after it. A class that redefines both has a fast path of its own, which
    stays.

    >>> from nnlite.layers import Dense
    >>> class DenseOfDoubled(Dense):
    ...     def linearize(self, inputs, *parameters):
    ...         return super().linearize(inputs * 2, *parameters)
    >>> Dense.at_inference is DenseOfDoubled.at_inference
    False
    """
    one_base = len(cls.__bases__) == 1
    for declaring in reversed(cls.__mro__):
        for fast, slow in vars(declaring).get("_fast_paths", {}).items():
            if one_base and declaring is not cls and vars(cls).keys().isdisjoint(slow):
                continue  # it is as in its base
            owner, definition = _defined(cls, fast)
            outlived = getattr(definition, "outlives", ())
            redefined = any(_defined(cls, name)[0] < owner for name in slow if name not in outlived)
            _, default = _defined(declaring, fast)
            if redefined and definition is not default:
                setattr(cls, fast, default)


def _defined(cls: type, name: str) -> tuple[int, Any]:
    """The class of the method resolution order that defines `name`, and its value there."""
    return next((index, vars(base)[name]) for index, base in enumerate(cls.__mro__) if name in vars(base))
