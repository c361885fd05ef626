"""Control flow of `keras.ops`: loops, branches and maps, in plain Python."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, WrongTypeError
from nnlite.ops import functions as ops
from nnlite.ops.base import NUMBERS, called
from nnlite.ops.names.arranging import known_length, of_unknown_length
from nnlite.ops.names.constants import all as all_of, convert_to_numpy, convert_to_tensor, greater_equal
from nnlite.ops.tracing import NotThere, add_functions, drawable
from nnlite.tree import map_structure

__all__ = ["cond", "fori_loop", "map", "scan", "switch", "vectorize", "vectorized_map", "while_loop"]


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """The result of the first function if `pred` is true, else of the second one; in a graph both are computed.

    Raises:
        ValueError: `pred` is an array of several numbers.
    """
    if _is_known(pred):
        return true_fn() if bool(convert_to_numpy(pred)) else false_fn()
    return map_structure(lambda *both: ops.where(all_of(pred), *both), true_fn(), false_fn())


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """The result of the function with that index, clipped to the valid range; in a graph all are computed."""
    if _is_known(index):
        return branches[int(np.clip(convert_to_numpy(index), 0, len(branches) - 1))](*operands)
    result = branches[0](*operands)
    for number, branch in enumerate(branches[1:], 1):
        reached = greater_equal(index, number)
        choose = functools.partial(ops.where, reached)
        result = map_structure(choose, branch(*operands), result)
    return result


def _is_known(value: Any) -> bool:
    """Whether a value is there already, unlike that of a symbol of a graph."""
    try:
        convert_to_numpy(value)
    except NotThere:
        return False
    return True


def _as_array(value: Any) -> Any:
    """A number of the program as an array; others unchanged."""
    return convert_to_tensor(value) if isinstance(value, NUMBERS) else value


@drawable
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Apply `body` to the variables while `cond` of them is true; a list or tuple is unpacked."""
    spread = isinstance(loop_vars, (list, tuple))
    loop_vars = map_structure(_as_array, loop_vars)
    state, done = tuple(loop_vars) if spread else (loop_vars,), 0
    while bool(convert_to_numpy(cond(*state))) and (maximum_iterations is None or done < maximum_iterations):
        state = body(*state)
        state, done = tuple(state) if isinstance(state, (list, tuple)) else (state,), done + 1
    return (list(state) if isinstance(loop_vars, list) else state) if spread else state[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """`body_fun(number, value)` for each number from `lower` to `upper` - 1; returns the last value."""
    init_val = map_structure(_as_array, init_val)
    for number in range(int(convert_to_numpy(lower)), int(convert_to_numpy(upper))):
        init_val = body_fun(number, init_val)
    return init_val


def _entries(xs: Any, count: int) -> list[Any]:
    """The entries along the first axis of an array, or of each in a list, tuple or dict."""
    if xs is None:
        return [None] * count
    if isinstance(xs, dict):
        columns = {name: _entries(item, count) for name, item in xs.items()}
        return [{name: column[row] for name, column in columns.items()} for row in range(count)]
    if isinstance(xs, (list, tuple)):
        return [type(xs)(row) for row in zip(*(_entries(item, count) for item in xs), strict=True)]
    return [ops.getitem(xs, row) for row in range(count)]


def _first_length(xs: Any) -> int:
    while isinstance(xs, (list, tuple, dict)):
        xs = next(iter(xs.values() if isinstance(xs, dict) else xs))
    return known_length(xs, 0, "a loop over entries")


def _stacked(results: list[Any]) -> Any:
    """Results, or lists, tuples and dicts of such, along a new first axis."""
    first = results[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {name: _stacked([result[name] for result in results]) for name in first}
    if isinstance(first, (list, tuple)):
        return type(first)(_stacked(list(column)) for column in zip(*results, strict=True))
    return ops.stack(results, 0)


def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`carry, output = f(carry, x)` for each entry of `xs`; returns the last carry and all outputs.

    Args:
        f: the step.
        init: the first carry.
        xs: an array, or lists and dicts of such; None for `length` steps without.
        length: number of steps, by default that of `xs`.
        reverse: whether the last entry comes first.
        unroll: accepted, an integer >= 1 or a boolean; the loop is Python's.

    Raises:
        ConfigError: neither `xs` nor `length`, or another `unroll`.
    """
    if xs is None and length is None:
        raise ConfigError("scan takes xs, or length where there is nothing to go through", ("length",))
    if not isinstance(unroll, (bool, int)) or (unroll < 1 and unroll is not False):
        raise ConfigError(f"scan: unroll must be an integer >= 1 or a boolean, got {unroll!r}", ("unroll",))
    if length is None and (unknown := of_unknown_length(xs)) is not None:
        return unknown.draw("scan", (f, init, xs, length, reverse), {})
    init = map_structure(_as_array, init)
    rows, outputs = _entries(xs, _first_length(xs) if length is None else int(length)), []
    for row in reversed(rows) if reverse else rows:
        init, output = f(init, row)
        outputs.append(output)
    return init, _stacked(outputs[::-1] if reverse else outputs) if outputs else None


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each entry along the first axis, stacked."""
    if (unknown := of_unknown_length(xs)) is not None:
        return unknown.draw("map", (f, xs), {})
    return _stacked([f(row) for row in _entries(xs, _first_length(xs))])


vectorized_map = called("function", "elements")(map)
add_functions(globals(), ["map", "scan", "while_loop"], as_numpy=False)


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Callable[..., np.ndarray]:
    """A function on scalars applied to each entry of arrays, like `numpy.vectorize`.

    Raises:
        WrongTypeError: `pyfunc` is not a function.
    """
    if not callable(pyfunc):
        raise WrongTypeError(f"vectorize takes a function, got {pyfunc!r}", ("pyfunc",))
    return np.vectorize(pyfunc, excluded=excluded, signature=signature)
