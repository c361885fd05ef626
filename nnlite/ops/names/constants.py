"""Functions without a derivative, and predicates on arrays, under the names of `keras.ops`."""

import builtins
import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, BatchShape, Shape, is_floating, widened
from nnlite.arrays.weights import EagerTensor
from nnlite.config import floatx
from nnlite.errors import WrongTypeError
from nnlite.ops import functions as ops
from nnlite.ops.base import as_written, called, is_written
from nnlite.ops.plain import places
from nnlite.ops.plain.numbers import Number
from nnlite.ops.plain.results import as_typed, by_float32, default_type, kind_of, named
from nnlite.ops.tracing import CONSTANTS, NotThere, Traced, drawable

__all__ = [
    "all",
    "allclose",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "array",
    "bincount",
    "cast",
    "ceil",
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "count_nonzero",
    "digitize",
    "dtype",
    "equal",
    "eye",
    "floor",
    "full",
    "full_like",
    "geomspace",
    "greater",
    "greater_equal",
    "identity",
    "is_tensor",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "linspace",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logspace",
    "meshgrid",
    "ndim",
    "nonzero",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "round",
    "searchsorted",
    "shape",
    "sign",
    "size",
    "tri",
    "trunc",
    "unravel_index",
    "zeros",
    "zeros_like",
]


def _value(x: Any) -> np.ndarray:
    return np.real(x.value) if isinstance(x, Traced) else np.asarray(x)


def _plain(item: Any) -> Any:
    if isinstance(item, (list, tuple)):
        return type(item)(_plain(part) for part in item)
    return _value(item) if isinstance(item, Traced) else item


def _options(options: dict[str, Any]) -> dict[str, Any]:
    """Options with numbers in the place of traced values, and a type of NumPy as `dtype`."""
    read = {key: _plain(item) for key, item in options.items()}
    return read if read.get("dtype") is None else {**read, "dtype": kind_of(read["dtype"])}


def constant(function: Callable[..., Any], *names: str, whole: bool = True, counts: bool = False) -> Callable[..., Any]:
    """A NumPy function with zero or undefined derivative: a traced value is replaced by its number.

    Args:
        function: that of NumPy.
        names: of its arrays, `"x"` by default.
        whole: whether integers are what it takes, rather than floating-point numbers.
        counts: whether it gives indices or counts, which are of int32, as in Keras.
    """

    @called(*(names or ("x",)))
    @by_float32
    @functools.wraps(function)
    def compute(*arguments: Any, **options: Any) -> Any:
        if isinstance(options.get("axis"), list):
            options["axis"] = tuple(options["axis"])
        if arguments and not whole and not isinstance(arguments[0], Traced):
            arguments = (*as_written(arguments[:1]), *arguments[1:])
        values, options = [_plain(item) for item in arguments], _options(options)
        result = function(*values, **options)
        if counts or isinstance(result, bool):
            return np.asarray(result, np.int32 if counts else bool)
        if options.get("dtype") is not None:
            return result
        return as_typed(result, [*values, *options.values()])

    public = vars(np).get(function.__name__) in (function, getattr(function, "__wrapped__", None))
    title = f"`numpy.{function.__name__}`" if public else f"{function.__doc__}".rstrip(".")
    compute.__doc__ = f"{title}; the result is a constant, without a derivative."
    compute.__module__ = __name__
    return drawable(compute)


def _made(function: Callable[..., Any], always: bool = False) -> Callable[..., Any]:
    """A function of NumPy that makes an array, in the floating-point type of `config` where none is asked for.

    With `always`, integers are made floating-point numbers too.
    """

    @functools.wraps(function)
    def make(*arguments: Any, **options: Any) -> Any:
        options = _options(options)
        values = [*map(_plain, arguments), *options.values()]
        array = function(*map(widened, values[: len(arguments)]), **options)
        if builtins.any(isinstance(item, (str, type, np.dtype)) for item in values):
            return array
        kind = floatx() if always else default_type(values)
        if isinstance(array, tuple):  # with the step between
            return array[0].astype(kind), array[1]
        return array.astype(kind) if always or array.dtype.kind == "f" else as_typed(array, ())

    make.__doc__ = f"`numpy.{function.__name__}`, in the floating-point type of `config.floatx()` by default."
    make.__module__ = __name__
    return drawable(make)


def _sign(x: ArrayLike) -> np.ndarray:
    """-1, 0 or 1; booleans are their own sign."""
    return np.asarray(x) if np.asarray(x).dtype == bool else np.sign(x)


# Functions of NumPy under the same name and arguments.
all = constant(places.over_axes(np.all))
allclose = constant(np.allclose, "x1", "x2")
any = constant(places.over_axes(np.any))
arange = called("start")(_made(np.arange))
argmax = constant(places.over_axes(np.argmax), counts=True)
argmin = constant(places.over_axes(np.argmin), counts=True)
argsort = constant(places.argsort, counts=True)
bincount = constant(places.bincount)
ceil = constant(np.ceil, whole=False)
count_nonzero = constant(np.count_nonzero, counts=True)
digitize = constant(np.digitize, counts=True)
equal = constant(np.equal, "x1", "x2")
eye = _made(np.eye)
floor = constant(np.floor, whole=False)
full = _made(np.full, always=True)
full_like = constant(np.full_like)
geomspace = _made(np.geomspace)
greater = constant(np.greater, "x1", "x2")
greater_equal = constant(np.greater_equal, "x1", "x2")
identity = _made(np.identity)
isclose = constant(np.isclose, "x1", "x2")
isfinite = constant(np.isfinite)
isin = constant(np.isin, "x1", "x2")
isinf = constant(np.isinf)
isnan = constant(np.isnan)
less = constant(np.less, "x1", "x2")
less_equal = constant(np.less_equal, "x1", "x2")
linspace = _made(np.linspace)
logical_and = constant(np.logical_and, "x1", "x2")
logical_not = constant(np.logical_not)
logical_or = constant(np.logical_or, "x1", "x2")
logical_xor = constant(np.logical_xor, "x1", "x2")
logspace = _made(np.logspace)
meshgrid = constant(np.meshgrid)
ndim = constant(np.ndim)
nonzero = constant(places.nonzero)
not_equal = constant(np.not_equal, "x1", "x2")
ones = _made(np.ones)
ones_like = constant(np.ones_like)
round = constant(np.round)
searchsorted = constant(np.searchsorted, "sorted_sequence", "values", counts=True)
sign = constant(_sign)
tri = _made(np.tri)
trunc = constant(np.trunc)
unravel_index = constant(places.unravel_index, "indices", "shape")
zeros = _made(np.zeros)
zeros_like = constant(np.zeros_like)


@drawable
def convert_to_tensor(x: Any, dtype: str | None = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as an array, or a traced value unchanged; Python numbers become `config.floatx()` or int32.

    A mask set on the array, `x._keras_mask = mask`, is read by layers that support masks, losses and metrics.
    """
    if isinstance(x, Traced):
        return x
    if dtype is not None:
        return np.asarray(x, kind_of(dtype)).view(EagerTensor)
    if x is None:
        raise WrongTypeError("convert_to_tensor takes numbers, got None", ("x",))
    return (as_typed(np.asarray(x), x) if is_written(x) else np.asarray(x)).view(EagerTensor)


@drawable
def array(x: Any, dtype: str | None = None) -> Any:
    """As `convert_to_tensor`, with memory of its own."""
    return x if isinstance(x, Traced) else np.array(convert_to_tensor(x, dtype)).view(EagerTensor)


def convert_to_numpy(x: Any) -> np.ndarray:
    """The current value of `x`, as a constant."""
    return np.asarray(x.numpy()) if isinstance(x, Number) else _value(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array, a traced value, or the value of a loss or metric."""
    return isinstance(x, (np.ndarray, Traced, Number))


def lengths(x: Any) -> Shape:
    """The lengths of the axes of what has values."""
    return np.shape(_value(x))


def shape(x: Any) -> BatchShape:
    """The lengths of the axes; None for lengths that a symbol of a graph does not know."""
    try:
        return lengths(x)
    except NotThere as error:
        return error.symbol.shape


@drawable
def size(x: Any) -> int:
    """Number of elements."""
    return _value(x).size


def dtype(x: Any) -> str:
    """The name of the dtype, also of a symbol of a graph."""
    try:
        return _value(x).dtype.name
    except NotThere as error:
        return error.symbol.dtype


@drawable
def cast(x: Any, dtype: str) -> Any:
    """`x` in another dtype; a traced value keeps a floating-point dtype."""
    kind = kind_of(dtype)
    return x if isinstance(x, Traced) and is_floating(kind) else _value(x).astype(kind)


@drawable
def copy(x: Any) -> Any:
    """A new array with the same values."""
    return ops.multiply(x, 1.0) if isinstance(x, Traced) else array(x)


def as_axes(axis: int | Sequence[int] | None) -> int | Shape | None:
    """Axes as NumPy takes them: not as a list."""
    return axis if axis is None or isinstance(axis, int) else tuple(axis)


def as_floats(x: Any) -> Any:
    """x as a floating-point array, integers in `config.floatx()`; a traced value unchanged."""
    return x if isinstance(x, Traced) else as_written([x])[0]


@drawable
def one_hot(x: ArrayLike, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False) -> Any:
    """One-hot rows for integers; zeros for those out of range."""
    rows = (_value(x)[..., None] == np.arange(num_classes)).astype(kind_of(dtype or floatx()))
    return np.moveaxis(rows, -1, axis)


NOT_IN_GRAPHS = ("convert_to_numpy", "dtype", "is_tensor", "ndim", "shape")  # they tell it at once
CONSTANTS.update(named(globals(), [_name for _name in __all__ if _name not in NOT_IN_GRAPHS]))
