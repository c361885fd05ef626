"""The ops as functions: on arrays they only compute, on traced values they are recorded with their derivatives."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape
from nnlite.ops import activations, arithmetic, elementwise, matmul as matmul_ops, reductions, shaping
from nnlite.ops.activations.base import OP_OF_FUNCTION
from nnlite.ops.base import Op, as_written, called, compute
from nnlite.ops.einsum import Einsum
from nnlite.ops.plain.places import chosen_axes
from nnlite.ops.tracing import Traced, add_functions, drawable
from nnlite.registry import constructor_parameters

__all__ = [
    "abs",
    "add",
    "broadcast_to",
    "celu",
    "clip",
    "concatenate",
    "cos",
    "divide",
    "einsum",
    "elu",
    "erf",
    "exp",
    "expand_dims",
    "expm1",
    "gelu",
    "getitem",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "multiply",
    "negative",
    "power",
    "relu",
    "relu6",
    "reshape",
    "selu",
    "sigmoid",
    "silu",
    "sin",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "split",
    "sqrt",
    "square",
    "squareplus",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "tanh",
    "tanh_shrink",
    "threshold",
    "transpose",
    "var",
    "where",
]

OF_KERAS: dict[type[Op], dict[str, str]] = {shaping.Reshape: {"newshape": "shape"}}  # further arguments by other names


def _function(op: type[Op]) -> Callable[..., Any]:
    """The op as a function of its arrays, then of its own arguments: `mean(x, axis=None, keepdims=False)`."""
    arrays = list(inspect.signature(op.linearize).parameters)[1:]
    names = [*arrays, *constructor_parameters(op)]
    pair = arrays[-2:]  # of two arrays, which Keras calls x1 and x2
    of_keras = {**(dict(zip(("x1", "x2"), pair, strict=True)) if len(pair) > 1 else {}), **OF_KERAS.get(op, {})}

    @drawable
    def function(*arguments: Any, **options: Any) -> Any:
        if len(arguments) == len(arrays) and not options:
            return compute(_made(op, ()), arguments)
        by_name = dict(zip(names, arguments, strict=False))
        options = {of_keras.get(name, name): value for name, value in options.items()}
        twice = len(arguments) > len(names) or options.keys() & by_name.keys()
        options = by_name | options
        if twice or options.keys() - set(names) or any(name not in options for name in arrays):
            raise TypeError(f"{function.__name__}{function.__signature__} does not take these arguments")
        inputs = [options.pop(name) for name in arrays]
        return compute(_made(op, tuple(options.items())), inputs)

    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in arrays]
    function.__signature__ = inspect.Signature([*parameters, *constructor_parameters(op).values()])
    function.__doc__ = op.__doc__
    function.__module__ = __name__
    if issubclass(op, activations.ActivationFunction):
        OP_OF_FUNCTION[id(function)] = op
    return function


@functools.lru_cache(maxsize=1024)
def _cached(op: type[Op], options: tuple) -> Op:
    return op(**dict(options))


def _made(op: type[Op], options: tuple) -> Op:
    """An op with these arguments, made once where they can be compared."""
    try:
        return _cached(op, options)
    except TypeError:  # lists and slices cannot be hashed
        return op(**dict(options))


abs = _function(elementwise.Abs)
add = _function(arithmetic.Add)
broadcast_to = _function(shaping.BroadcastTo)
celu = _function(activations.CELU)
clip = _function(elementwise.Clip)
cos = _function(elementwise.Cos)
divide = _function(arithmetic.Divide)
elu = _function(activations.ELU)
erf = _function(elementwise.Erf)
exp = _function(activations.Exp)
expm1 = _function(elementwise.Expm1)
gelu = _function(activations.GELU)
hard_shrink = _function(activations.HardShrink)
hard_sigmoid = _function(activations.HardSigmoid)
hard_silu = _function(activations.HardSiLU)
hard_tanh = _function(activations.HardTanh)
linear = _function(activations.Linear)
leaky_relu = _function(activations.LeakyReLU)
log = _function(elementwise.Log)
log1p = _function(elementwise.Log1p)
log_sigmoid = _function(activations.LogSigmoid)
log_softmax = _function(activations.LogSoftmax)
matmul = _function(matmul_ops.MatMul)
max = _function(reductions.Max)
maximum = _function(arithmetic.Maximum)
mean = _function(reductions.Mean)
min = _function(reductions.Min)
minimum = _function(arithmetic.Minimum)
mish = _function(activations.Mish)
multiply = _function(arithmetic.Multiply)
negative = _function(arithmetic.Negative)
power = _function(arithmetic.Power)
relu = _function(activations.ReLU)
relu6 = _function(activations.ReLU6)
reshape = _function(shaping.Reshape)
selu = _function(activations.SELU)
sigmoid = _function(activations.Sigmoid)
silu = _function(activations.SiLU)
sin = _function(elementwise.Sin)
soft_shrink = _function(activations.SoftShrink)
softmax = _function(activations.Softmax)
softplus = _function(activations.Softplus)
softsign = _function(activations.Softsign)
sparse_plus = _function(activations.SparsePlus)
sparse_sigmoid = _function(activations.SparseSigmoid)
sparsemax = _function(activations.Sparsemax)
sqrt = _function(elementwise.Sqrt)
square = _function(elementwise.Square)
squareplus = _function(activations.Squareplus)
subtract = _function(arithmetic.Subtract)
sum = _function(reductions.Sum)
tanh = _function(activations.Tanh)
tanh_shrink = _function(activations.TanhShrink)
threshold = _function(activations.Threshold)
transpose = _function(shaping.Transpose)
where = _function(arithmetic.Where)


@drawable
@called("xs")
def concatenate(arrays: Sequence[Any], axis: int = 0) -> Any:
    """The arrays joined along `axis`."""
    return compute(shaping.Concatenate(axis), arrays)


@drawable
def einsum(subscripts: str, *operands: Any) -> Any:
    """The product of the operands, summed over the labels that the result lacks: see `Einsum`."""
    return compute(Einsum(subscripts), operands)


@drawable
def expand_dims(x: Any, axis: int) -> Any:
    """x with a new axis of length 1 at `axis`, counted in the result."""
    (index,) = chosen_axes(axis, np.ndim(_value(x)) + 1)
    return getitem(x, (*[slice(None)] * index, None))


@drawable
@called("x", "key")
def getitem(x: Any, index: Any) -> Any:
    """x[index], for integers, slices, `...` and None; or for integer or Boolean arrays, as in NumPy."""
    places = shaping.places_of(np.shape(_value(x)), index)
    if places is not None:
        return reshape(take(x, places.ravel()), places.shape)
    return compute(_made(shaping.Slice, (("index", shaping.spell_index(index)),)), (x,))


@drawable
def logsumexp(x: Any, axis: int | Shape | None = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over `axis`; the maximum is subtracted first, so that nothing overflows."""
    x = x if isinstance(x, Traced) else as_written([x])[0]
    largest = np.max(np.real(_value(x)), axis=axis, keepdims=True)
    largest = np.where(np.isinf(largest), largest.dtype.type(0), largest)  # inf - inf is nan
    with np.errstate(divide="ignore"):
        total = log(sum(exp(x - largest), axis, True)) + largest
    return total if keepdims else squeeze(total, axis)


@drawable
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """x cut along `axis`, into equal parts or at the given places."""
    places = np.split(np.arange(_value(x).shape[axis]), indices_or_sections)
    lead = [slice(None)] * (axis + np.ndim(_value(x)) if axis < 0 else axis)
    starts = np.cumsum([0, *map(len, places)]).tolist()
    return [getitem(x, (*lead, slice(start, start + len(part)))) for start, part in zip(starts, places, strict=False)]


@drawable
def squeeze(x: Any, axis: int | Shape | None = None) -> Any:
    """x without axes of length 1: those of `axis`, or all."""
    return reshape(x, np.squeeze(_value(x), axis).shape)


@drawable
@called("x")
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """The arrays side by side along a new axis."""
    return concatenate([expand_dims(array, axis) for array in arrays], axis)


@drawable
@called("variable")
def stop_gradient(x: Any) -> Any:
    """The value of x as a constant: its derivatives, including second ones by complex step, are zero."""
    return np.real(x.value) if isinstance(x, Traced) else np.asarray(x)


@drawable
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """x with two axes exchanged."""
    axes = list(range(np.ndim(_value(x))))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, tuple(axes))


@drawable
def take(x: Any, indices: ArrayLike, axis: int | None = None) -> Any:
    """x at integer `indices` along `axis`, negative ones from its end; of the flattened array when None."""
    x, axis = (reshape(x, (-1,)), 0) if axis is None else (x, axis)
    if (places := _value(indices)).dtype.kind in "if" and places.size and places.min() < 0:
        indices = np.where(places < 0, places + _value(x).shape[axis], places)
    return compute(shaping.Gather(axis), (x, indices))


@drawable
def var(x: Any, axis: int | Shape | None = None, keepdims: bool = False) -> Any:
    """mean((x - mean(x)) ** 2) over `axis`: the biased variance."""
    return mean(square(subtract(x, mean(x, axis, True))), axis, keepdims)


@drawable
def std(x: Any, axis: int | Shape | None = None, keepdims: bool = False) -> Any:
    """sqrt(var(x)); its slope is infinite where all x are equal."""
    return sqrt(var(x, axis, keepdims))


def _value(x: Any) -> np.ndarray:
    return x.value if isinstance(x, Traced) else np.asarray(x)


add_functions(globals(), __all__)
