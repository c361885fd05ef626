"""Shapes and dtypes of a function's results on symbols, by trial runs on arrays."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import DataError, ShapeError
from nnlite.initializers.blank import allowance
from nnlite.layers.base.shapes import blank

__all__ = []

# What None stands for, in turn, until two lengths are possible: one alone may be that of another input.
LENGTHS = (2, 7, 24, 1, 3, 4, 5, 6, 8, 10, 12)


def outlines(
    owner: str,
    function: Callable[[list[np.ndarray]], list[Any]],
    shapes: Sequence[tuple],
    types: Sequence[str],
    by_values: bool = False,
) -> list[tuple[tuple, str]]:
    """`(shape, dtype)` of each result of `function` for arrays of these shapes; None for a length that varies.

    Args:
        owner: shown in errors.
        function: of a list of arrays; returns a list.
        shapes, types: of the arrays.
        by_values: whether lengths depend on the numbers in the arrays too.

    Raises:
        ShapeError: no length in the place of None is possible.
    """
    unknown = [(index, axis) for index, shape in enumerate(shapes) for axis, one in enumerate(shape) if one is None]

    def run(lengths: Sequence[int]) -> list[np.ndarray]:
        return _results(function, _examples(owner, shapes, types, dict(zip(unknown, lengths, strict=True))))

    tried, refused = _possible(run, ((length,) * len(unknown) for length in LENGTHS), 2 if unknown else 1)
    if not tried and 1 < len(unknown) < 4:  # no length suits all
        tried, _ = _possible(run, itertools.product(LENGTHS, repeat=len(unknown)), 1)
    if not tried:
        raise refused if isinstance(refused, DataError) else ShapeError(f"{owner}: {refused}") from refused
    if len(tried) == 1:  # as where columns meet rows: each of the others may vary by itself
        (lengths, _), *_ = tried
        for axis in range(len(unknown)):
            others = ((*lengths[:axis], one, *lengths[axis + 1 :]) for one in LENGTHS if one != lengths[axis])
            tried += _possible(run, others, 1)[0]
    results = [result for _, result in tried]
    if by_values:
        zeros = _examples(owner, shapes, types, dict(zip(unknown, tried[-1][0], strict=True)))
        results.append(_results(function, [np.arange(one.size).reshape(one.shape).astype(one.dtype) for one in zeros]))
    return [(_common(ends), _name(ends[0].dtype)) for ends in zip(*results, strict=True)]


def _possible(
    run: Callable[[Sequence[int]], list[np.ndarray]], candidates: Iterable[tuple[int, ...]], count: int
) -> tuple[list[tuple[tuple[int, ...], list[np.ndarray]]], Exception | None]:
    """The first `count` lengths for which there are results, with these, and the first error."""
    tried: list[tuple[tuple[int, ...], list[np.ndarray]]] = []
    refused: Exception | None = None
    for lengths in candidates:
        try:
            tried.append((lengths, run(lengths)))
        except TypeError:  # no matter of lengths
            raise
        except (ValueError, IndexError, DataError) as error:
            refused = refused or error
        if len(tried) == count:
            break
    return tried, refused


def _results(function: Callable[[list[np.ndarray]], list[Any]], arrays: list[np.ndarray]) -> list[np.ndarray]:
    with np.errstate(all="ignore"):
        return [np.asarray(end) for end in function(arrays)]


def _examples(
    owner: str, shapes: Sequence[tuple], types: Sequence[str], lengths: Mapping[tuple[int, int], int]
) -> list[np.ndarray]:
    sizes = [[lengths.get((index, axis), one) for axis, one in enumerate(shape)] for index, shape in enumerate(shapes)]
    room = allowance()
    if room is not None:
        room.check_count(sum(map(math.prod, sizes)) // 4, f"{owner} is tried on an example")
    kinds = ["U1" if kind == "string" else kind for kind in types]
    return [blank(*pair) for pair in zip(sizes, kinds, strict=True)]


def _common(ends: Sequence[np.ndarray]) -> tuple:
    if any(end.ndim != ends[0].ndim for end in ends):  # nothing is known but the axes of the first
        return (None,) * ends[0].ndim
    lengths = zip(*(end.shape for end in ends), strict=True)
    return tuple(one if all(other == one for other in others) else None for one, *others in lengths)


def _name(dtype: np.dtype) -> str:
    return "string" if dtype.kind in "OSU" else dtype.name
