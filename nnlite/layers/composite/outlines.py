"""Shapes and dtypes of a function's results on symbols, by trial runs on arrays."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.errors import DataError, ShapeError
from nnlite.initializers.blank import allowance

__all__ = []

# What None stands for, in turn, until two lengths are possible: one alone may be that of another input.
LENGTHS = (2, 7, 24, 1, 3, 4, 5, 6, 8, 10, 12)


def outlines(
    owner: str,
    function: Callable[[list[np.ndarray]], Any],
    shapes: Sequence[tuple],
    types: Sequence[str],
    by_values: bool = False,
) -> list[tuple[tuple, str]]:
    """`(shape, dtype)` of each result of `function` for arrays of these shapes; None for a length that varies.

    Args:
        owner: shown in errors.
        function: of a list of arrays.
        shapes, types: of the arrays.
        by_values: whether lengths depend on the numbers in the arrays too.

    Raises:
        ShapeError: no length in the place of None is possible.
    """
    unknown = any(length is None for shape in shapes for length in shape)
    tried: list[list[np.ndarray]] = []
    refused: Exception | None = None
    for length in LENGTHS if unknown else LENGTHS[:1]:
        try:
            examples = _examples(owner, shapes, types, length)
            tried.append(_results(function, examples))
        except (ValueError, IndexError, DataError) as error:
            refused = refused or error
        if len(tried) == (2 if unknown else 1):
            break
    if not tried:
        raise refused if isinstance(refused, DataError) else ShapeError(f"{owner}: {refused}") from refused
    if by_values:
        tried.append(_results(function, [np.arange(one.size).reshape(one.shape).astype(one.dtype) for one in examples]))
    pairs = zip(tried[0], tried[-1], strict=True)
    return [(_common(first.shape, second.shape), _name(first.dtype)) for first, second in pairs]


def _results(function: Callable[[list[np.ndarray]], Any], arrays: list[np.ndarray]) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        result = function(arrays)
    return [np.asarray(end) for end in (result if isinstance(result, (list, tuple)) else [result])]


def _examples(owner: str, shapes: Sequence[tuple], types: Sequence[str], length: int) -> list[np.ndarray]:
    sizes = [[length if one is None else one for one in shape] for shape in shapes]
    room = allowance()
    if room is not None:
        room.check_count(sum(map(math.prod, sizes)) // 4, f"{owner} is tried on an example")
    return [_example(*pair) for pair in zip(sizes, types, strict=True)]


def _example(shape: Sequence[int], kind: str) -> np.ndarray:
    """Zeros, on the diagonal of square matrices ones, so that they have an inverse."""
    array = np.zeros(shape, "U1" if kind in ("object", "string") else kind)
    if array.ndim > 1 and array.shape[-1] == array.shape[-2] and array.dtype.kind in "biufc":
        array[...] = np.eye(array.shape[-1])
    return array


def _common(first: tuple, second: tuple) -> tuple:
    return tuple(one if one == other else None for one, other in zip(first, second, strict=True))


def _name(dtype: np.dtype) -> str:
    return "object" if dtype.kind in "OSU" else dtype.name
