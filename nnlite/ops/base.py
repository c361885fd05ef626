"""The contract of an op: a function and its derivative side by side."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import ArrayLike, is_bfloat16, narrowed, widened
from nnlite.config import floatx
from nnlite.errors import NotReadyError, ShapeError
from nnlite.ops.tape import Leaf, active_tape
from nnlite.ops.tracing import Traced, in_one
from nnlite.registry import Configurable

__all__ = ["Op"]


class Op(Configurable, family="op", abstract=True):
    """A differentiable function of arrays. A subclass only writes `linearize`.

    `forward(*inputs)` computes the output and caches its Jacobians; `backward(jacobian)` multiplies an incoming
    Jacobian by them; `jvp(*tangents)` is forward mode. Ops are chained by hand:

    >>> import numpy as np
    >>> from nnlite.ops import Add, Multiply
    >>> add, multiply = Add(), Multiply()
    >>> E = multiply.forward(add.forward(np.array([1.0, 2.0]), np.array([3.0, 4.0])), np.array([5.0, 6.0]))
    >>> dD, dC = multiply.backward(np.ones(E.shape))
    >>> dA, dB = add.backward(dD)
    >>> dA, dC
    (array([5., 6.]), array([4., 6.]))
    """

    # Of an op as a function: whether it computes with integers as they are, the kinds of small integers whose results
    # need a larger type, and the inputs whose numbers come out, where others choose among them.
    _keeps_integers: ClassVar[bool] = False
    _widens: ClassVar[str | tuple[str, ...]] = ""
    _data_inputs: ClassVar[slice] = slice(None)

    def __post_init__(self) -> None:
        self.jacobians: Any = None  # those of the last `forward`
        self._output: Any = None
        super().__post_init__()

    def linearize(self, *inputs: Any, **context: Any) -> tuple[Any, Any]:
        """The output and its `Jacobians` at `inputs`; pure: nothing is stored."""
        raise NotImplementedError(f"{type(self).__name__} must define linearize(*inputs)")

    def _of_integers(self, *inputs: Any) -> Any:
        """The output alone, for integers, in an op that `_keeps_integers`."""
        return self.linearize(*inputs)[0]

    def _as_function(self) -> "Op":
        """The op as the argument `activation`: for the layer of an activation function, that function."""
        return self

    def forward(self, *inputs: Any) -> np.ndarray:
        """Compute the output and keep the Jacobians for `backward` and `jvp`."""
        output, self.jacobians = self.linearize(*self._as_inputs(inputs))
        self._output = (output.shape, output.dtype)
        return output

    def __call__(self, *inputs: Any) -> np.ndarray:
        """The output alone; nothing is kept, so threads may share the op. Traced inputs are recorded."""
        for item in inputs:
            if isinstance(item, Traced):
                recorded: Any = item.trace.record(self, inputs)
                return recorded
        return self.linearize(*self._as_inputs(inputs))[0]

    def _as_inputs(self, inputs: Any) -> list[np.ndarray]:
        """`inputs` as `linearize` takes them: floating-point arrays."""
        return as_arrays(inputs)

    def backward(self, jacobian: ArrayLike | tuple = 1, wanted: Sequence[bool] | None = None) -> Any:
        """Multiply an incoming Jacobian by the cached ones (reverse mode).

        Args:
            jacobian: derivative of something with respect to this op's output, `(*seeds, *output_shape)`; a scalar,
                such as the 1 that starts a chain, stands for an array filled with it.
            wanted: one bool per input; None is returned where it is false, and the product is spared.

        Returns:
            One array per input, `(*seeds, *input_shape)`: a tuple, or the array itself for a single input.

        Raises:
            NotReadyError: before `forward`.
            ShapeError: `jacobian` does not end in the output's shape, or `wanted` has another length.
        """
        cached = self._cached()
        if wanted is not None and len(wanted) != len(cached):
            raise ShapeError(
                f"{self!r}.backward takes {len(cached)} values of wanted, one per input, got {len(wanted)}"
            )
        cotangent = self._as_cotangents(jacobian)
        cotangents = cotangent if isinstance(cotangent, tuple) else (cotangent,)
        results = own_memory(cached.vjp(cotangent, wanted), *cotangents)
        return results[0] if len(results) == 1 else results

    def jvp(self, *tangents: ArrayLike | None) -> np.ndarray:
        """Push one tangent per input forward through the cached Jacobians; None stands for zero.

        Shape: `(*seeds, *input_shape)` each `-> (*seeds, *output_shape)`.
        """
        cached = self._cached()
        if len(tangents) != len(cached):
            raise ShapeError(f"{self!r}.jvp takes {len(cached)} tangents, one per input, got {len(tangents)}")
        arrays = [None if tangent is None else self._as_tangent(tangent, i) for i, tangent in enumerate(tangents)]
        result = cached.jvp(*arrays)
        if isinstance(self._output, list):
            parts = result or [None] * len(self._output)
            pairs = zip(parts, self._output, strict=True)
            changes: Any = tuple(np.zeros(*description) if part is None else part for part, description in pairs)
            return changes
        return np.zeros(*self._output) if result is None else result

    def _cached(self):
        if self.jacobians is None:
            raise NotReadyError(f"{self!r} has no Jacobians yet: call forward(...) before backward or jvp")
        return self.jacobians

    def _as_cotangents(self, jacobian):
        """The argument of `vjp`: an array; for several outputs a tuple, of a number or of parts that may be None."""
        if not isinstance(self._output, list):
            return self._as_cotangent(jacobian, *self._output)
        cotangents = jacobian if isinstance(jacobian, tuple) else (jacobian,) * len(self._output)
        if len(cotangents) != len(self._output):
            raise ShapeError(
                f"{self!r}.backward takes {len(self._output)} Jacobians, one per output, got {len(cotangents)}"
            )
        pairs = zip(cotangents, self._output, strict=True)
        return tuple(None if part is None else self._as_cotangent(part, *description) for part, description in pairs)

    def _as_cotangent(self, jacobian, shape, dtype):
        jacobian = np.asarray(jacobian)
        if jacobian.dtype.kind not in "fc":
            jacobian = jacobian.astype(dtype)
        if jacobian.ndim == 0:
            return np.full(shape, jacobian, dtype=np.result_type(dtype, jacobian.dtype.type(0).item()))
        if jacobian.shape[jacobian.ndim - len(shape) :] != shape:
            raise ShapeError(
                f"{self!r}.backward expects a Jacobian of shape (..., {_inner(shape)}), got {jacobian.shape}"
            )
        return jacobian

    def _as_tangent(self, tangent, index):
        jacobian = self.jacobians[index]
        if jacobian is None:
            raise ShapeError(f"{self!r} has no derivative with respect to input {index}: its tangent must be None")
        shape = jacobian.in_shape
        tangent = np.asarray(tangent)
        if tangent.dtype.kind not in "fc":
            tangent = tangent.astype(self.jacobians[index].dtype)
        if tangent.ndim == 0:
            return np.full(shape, tangent)
        if tangent.shape[tangent.ndim - len(shape) :] != shape:
            raise ShapeError(
                f"{self!r}.jvp expects tangent {index} of shape (..., {_inner(shape)}), got {tangent.shape}"
            )
        return tangent


def own_memory(results: Iterable[np.ndarray | None], *others: Any) -> tuple:
    """`results`, with views, arrays of `others` and duplicates copied, so that each may be written to."""
    taken, owned = {id(other) for other in others}, []
    for result in results:
        if result is not None and (id(result) in taken or not result.flags.owndata):
            result = result.copy()
        taken.add(id(result))
        owned.append(result)
    return tuple(owned)


def as_arrays(inputs: Sequence[Any]) -> list[np.ndarray]:
    """Inputs as floating-point arrays: Python numbers take the others' dtype, integers become float64."""
    if all(isinstance(value, np.ndarray) and value.dtype.kind in "fc" for value in inputs):
        return list(inputs)
    arrays = [value if isinstance(value, (int, float, complex)) else widened(np.asarray(value)) for value in inputs]
    floating = [array.dtype for array in arrays if isinstance(array, np.ndarray) and array.dtype.kind in "fc"]
    common = np.result_type(*floating) if floating else np.dtype(np.float64)
    return [as_array(value, common) for value in arrays]


def as_array(value: Any, dtype: np.dtype) -> np.ndarray:
    """`value` itself when it is a floating-point array, else an array of `dtype`."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
        return value
    return np.asarray(value, dtype=np.result_type(dtype, value) if isinstance(value, complex) else dtype)


def from_right(axis: int, rank: int) -> int:
    """`axis` counted from the right (negative), so that leading seed axes do not move it."""
    if not -rank <= axis < rank:
        raise ShapeError(f"there is no axis {axis} in an array of {rank} axes")
    return axis if axis < 0 else axis - rank


def _inner(shape):
    return ", ".join(map(str, shape))


def called(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function take its first arguments by Keras's names."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            if options:
                values = list(arguments)
                for name in names[len(values) :]:
                    if name not in options:
                        break
                    values.append(options.pop(name))
                return function(*values, **options)
            return function(*arguments)

        return call

    return decorate


NUMBERS = (bool, int, float, complex)  # Python's, which take the type of the arrays beside them, as lists do


def is_written(item: Any) -> bool:
    """Whether an input is a Python number or list, which has no dtype of its own."""
    return isinstance(item, (*NUMBERS, list, tuple)) and not isinstance(item, np.generic)


def compute(op: Op, inputs: Sequence[Any]) -> Any:
    """The outputs of the op for arrays, numbers and traced values.

    Integers stay such in an op that `_keeps_integers`, and become `config.floatx()` in others.
    """
    floating, inputs = True, [*map(in_one, inputs)]
    for item in inputs:
        if isinstance(item, Traced):
            return item.trace.record(op, inputs)
        floating = floating and isinstance(item, np.ndarray) and item.dtype.kind in "fc"
    if floating:
        return op.linearize(*op._as_inputs(inputs))[0]
    tape = active_tape() if any(isinstance(item, Leaf) for item in inputs) else None
    return _computed(op, inputs) if tape is None else tape.record(op, inputs)


def _computed(op: Op, inputs: list[Any]) -> Any:
    chosen = op._data_inputs
    written = [is_written(item) for item in inputs[chosen]]
    arrays = [np.asarray(item) for item in inputs[chosen]]
    if op._keeps_integers and all(array.dtype.kind in "OSU" for array in arrays):  # text, which can be moved
        return np.asarray(op._of_integers(*map(np.asarray, inputs)))
    kind = common_type(arrays, written)
    if kind.kind in "biu" and not op._keeps_integers:
        kind = np.dtype(floatx())
    inputs[chosen] = [widened(array.astype(kind, copy=False)) for array in arrays]
    if kind.kind not in "biu":
        output = op.linearize(*op._as_inputs(inputs))[0]
        return narrowed(output) if is_bfloat16(kind) else output
    if kind.itemsize < 4 and (kind.kind in op._widens or kind.str[1:] in op._widens):
        kind = np.dtype("uint32" if kind.kind == "u" else "int32")
    return np.asarray(op._of_integers(*map(np.asarray, inputs))).astype(kind, copy=False)


def common_type(arrays: Sequence[np.ndarray], written: Sequence[bool]) -> np.dtype:
    """The dtype to which arrays are promoted; Python numbers and lists, marked in `written`, adapt to the others."""
    typed = [array.dtype for array, loose in zip(arrays, written, strict=True) if not loose]
    loose = "".join(array.dtype.kind for array, loose in zip(arrays, written, strict=True) if loose)
    floats = {kind for kind in typed if kind.kind in "fc" or is_bfloat16(kind)}
    if floats:
        kind = np.result_type(*(np.float32 if len(floats) > 1 and is_bfloat16(one) else one for one in floats))
        return np.result_type(kind, np.complex64) if "c" in loose and kind.kind != "c" else kind
    if "c" in loose:
        return np.result_type(floatx(), np.complex64)
    whole = np.result_type(*typed) if typed else np.dtype(bool)
    if whole == np.int64 and all(kind.itemsize < 8 for kind in typed):  # of uint32 and others, int32 as in Keras
        whole = np.dtype(np.int32)
    if "f" in loose or whole.kind == "f":  # NumPy's answer to uint64 and int64
        return np.dtype(floatx())
    return np.dtype(np.int32) if whole.kind == "b" and loose.strip("b") else whole


def as_given(inputs: Sequence[Any]) -> list[np.ndarray]:
    """Inputs as arrays of their common dtype, possibly an integer one."""
    arrays = [np.asarray(item) for item in inputs]
    kind = common_type(arrays, [is_written(item) for item in inputs])
    return [array.astype(kind, copy=False) for array in arrays]


def as_numbers(inputs: Sequence[Any]) -> list[np.ndarray]:
    """As `as_given`, booleans as integers."""
    return [array.astype(np.int32) if array.dtype == bool else array for array in as_given(inputs)]


def as_written(inputs: Sequence[Any]) -> list[np.ndarray]:
    """Inputs as floating-point arrays; Python numbers and integers become `config.floatx()`."""
    if all(isinstance(item, np.ndarray) and item.dtype.kind in "fc" for item in inputs):
        return as_arrays(inputs)
    arrays = as_given(inputs)
    return [array.astype(floatx()) if array.dtype.kind in "biu" else array for array in arrays]
