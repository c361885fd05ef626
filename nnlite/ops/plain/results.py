"""NumPy functions as ops: results in Keras's dtypes, support for symbols, errors for traced values."""

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from nnlite.arrays.types import dtype_of, is_bfloat16, narrowed, widened
from nnlite.config import HALVES, floatx
from nnlite.errors import ConfigError
from nnlite.ops.base import called
from nnlite.ops.plain.numbers import Number
from nnlite.ops.tracing import NO_ARRAY, Traced, drawable
from nnlite.tree import map_structure

__all__ = [
    "arrays_alone",
    "as_typed",
    "by_float32",
    "default_type",
    "in_floatx",
    "kind_of",
    "named",
    "of_numpy",
    "on_arrays",
]

CHOSEN_BY_NUMPY = ("float16", "float64", "complex128")  # for booleans; for integers, Python's numbers and lists


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """`arrays_alone`, with results in Keras's dtypes."""
    computed = by_float32(function)

    @functools.wraps(function)
    def compute(*arguments: Any, **options: Any) -> Any:
        return in_floatx(computed(*arguments, **options), (*arguments, *options.values()))

    return arrays_alone(compute)


def arrays_alone(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays only: a traced value raises `ConfigError`, since there is no derivative."""

    @functools.wraps(function)
    def compute(*arguments: Any, **options: Any) -> Any:
        if _holds((*arguments, *options.values()), lambda item: isinstance(item, Traced)):
            raise ConfigError(f"ops.{compute.__name__}: {NO_ARRAY}")
        return function(*arguments, **options)

    return drawable(compute)


def by_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays that computes with float32 where NumPy has no numbers of the type, for bfloat16.

    Its floating-point results are bfloat16, unless an argument has a wider type or `dtype` asks for one.
    """

    @functools.wraps(function)
    def compute(*arguments: Any, **options: Any) -> Any:
        values = (*arguments, *options.values())
        if not _holds(values, _is_half):
            return function(*arguments, **options)
        wide = map_structure(widened, (arguments, options))
        result = function(*wide[0], **wide[1])
        chosen = _holds(values, _is_float) or _asks_for_dtype(function, arguments, options)
        return result if chosen else narrowed(result)

    return compute


def _asks_for_dtype(function: Callable[..., Any], arguments: tuple, options: dict[str, Any]) -> bool:
    """Whether `dtype` is among the arguments, by name or by position."""
    with suppress(ValueError):  # functions in C have no signature
        options = {**options, **inspect.signature(function).bind_partial(*arguments, **options).arguments}
    return options.get("dtype") is not None


def _is_half(item: Any) -> bool:
    return isinstance(item, (np.ndarray, np.generic)) and is_bfloat16(item.dtype)


def _is_float(item: Any) -> bool:
    return isinstance(item, (np.ndarray, np.generic)) and item.dtype.kind in "fc"


def of_numpy(function: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """A NumPy function on arrays, with these parameter names, `"x"` by default."""
    compute = on_arrays(called(*(names or ("x",)))(function))
    package = "numpy.linalg" if vars(np.linalg).get(function.__name__) is function else "numpy"
    compute.__doc__ = f"`{package}.{function.__name__}`, on arrays alone."
    return compute


def in_floatx(result: Any, inputs: Any) -> Any:
    """A result in `config.floatx()` if its dtype is NumPy's default, since no input has one as wide.

    Args:
        result: an array, or a list or tuple of such.
        inputs: what it was computed of; arrays among them have a type, numbers and lists of a program have none.
    """
    if isinstance(result, Number):
        return result
    if isinstance(result, (list, tuple)):
        return tuple(in_floatx(part, inputs) for part in result)
    kind = np.asarray(result).dtype
    if kind.name not in CHOSEN_BY_NUMPY or _holds(inputs, lambda item: _reaches(item, kind)):
        return result
    wanted = np.result_type(floatx(), np.complex64) if kind.kind == "c" else np.dtype(floatx())
    return np.asarray(result).astype(wanted)


def default_type(ends: Sequence[Any]) -> np.dtype:
    """The type of numbers between these: that of 16 bits if all arrays of floating-point numbers have it.

    Else it is `config.floatx()`.
    """
    kinds = {end.dtype for end in ends if _is_half(end) or _is_float(end)}
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    return kind if kind is not None and kind.name in HALVES else dtype_of(floatx())


def kind_of(dtype: Any) -> np.dtype:
    """A type of NumPy by its name, or by that of a program's numbers: int32 for `int`, `floatx()` for `float`."""
    return dtype_of({int: "int32", float: floatx()}.get(dtype, dtype))


def named(module: dict[str, Any], names: Collection[str]) -> dict[str, Callable[..., Any]]:
    """The functions of a module by these names, under which graphs and pickled objects refer to them."""
    for name in names:
        module[name].__name__ = module[name].__qualname__ = name
        module[name].__module__ = module["__name__"]
    return {name: module[name] for name in names}


def as_typed(values: Any, written: Any) -> Any:
    """Numbers that NumPy made of those of a program, in Keras's dtypes: `config.floatx()`; int32 if that is enough."""
    if isinstance(values, (list, tuple)):
        return tuple(as_typed(part, written) for part in values)
    wide = isinstance(values, (np.ndarray, np.generic)) and values.dtype == np.int64
    if wide and not _holds(written, lambda item: isinstance(item, (np.ndarray, np.generic))):
        small = np.iinfo(np.int32)
        room = not values.size or small.min <= values.min() <= values.max() <= small.max
        return values.astype(np.int32) if room else values
    return in_floatx(values, written)


def _reaches(item: Any, kind: np.dtype) -> bool:
    """Whether the item is an array, or a number of NumPy's, that is as precise as this type."""
    if not isinstance(item, (np.ndarray, np.generic)) or item.dtype.kind not in "fc":
        return False
    precision, wanted = (float(np.finfo(dtype.name).eps) for dtype in (item.dtype, kind))
    return precision <= wanted


def _holds(item: Any, accepted: Callable[[Any], bool]) -> bool:
    """Whether the item, or one in its lists, is accepted."""
    if isinstance(item, (list, tuple)):
        return any(_holds(part, accepted) for part in item)
    return accepted(item)
