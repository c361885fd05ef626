"""The contract of an op: the derivative stands beside the function."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import NotReadyError, ShapeError
from nnlite.ops.tracing import Traced
from nnlite.registry import Configurable

__all__ = ["Op"]


class Op(Configurable, family="op", abstract=True):
    """A differentiable function of arrays. A subclass writes `linearize` alone.

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

    def __post_init__(self) -> None:
        self.jacobians: Any = None  # those of the last `forward`
        self._output: Any = None
        super().__post_init__()

    def linearize(self, *inputs: Any, **context: Any) -> tuple[Any, Any]:
        """The output and its `Jacobians` at `inputs`; pure: nothing is stored."""
        raise NotImplementedError(f"{type(self).__name__} must define linearize(*inputs)")

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
        given = cotangent if isinstance(cotangent, tuple) else (cotangent,)
        results = own_memory(cached.vjp(cotangent, wanted), *given)
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
        given = jacobian if isinstance(jacobian, tuple) else (jacobian,) * len(self._output)
        if len(given) != len(self._output):
            raise ShapeError(f"{self!r}.backward takes {len(self._output)} Jacobians, one per output, got {len(given)}")
        pairs = zip(given, self._output, strict=True)
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
    """`results`, those copied that are views, or one of `others`, or there twice: each may be written to."""
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
    arrays = [value if isinstance(value, (np.ndarray, int, float, complex)) else np.asarray(value) for value in inputs]
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
