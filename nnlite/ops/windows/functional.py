"""Higher-order functions: a parallel scan, custom gradients, forward derivatives."""

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.jacobians import Jacobian, Jacobians
from nnlite.ops import functions as ops
from nnlite.ops.base import as_written
from nnlite.ops.names.arranging import flip, known_length, of_unknown_length
from nnlite.ops.tracing import UNDERIVED, Trace, Traced, add_functions, drawable
from nnlite.tree import flatten, map_structure, map_structure_up_to

__all__ = ["associative_scan", "custom_gradient", "jvp", "view_as_complex", "view_as_real"]


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Cumulative results of an associative `f` along `axis`: `f(f(a, b), c) == f(a, f(b, c))`.

    Args:
        f: combines two structures of arrays, entry by entry along `axis`.
        elems: an array, or lists, tuples and dicts of such.
        reverse: whether the last entry comes first.
        axis: along which the entries lie.

    Raises:
        ShapeError: arrays of different lengths along `axis`.
    """
    if (unknown := of_unknown_length(elems, axis)) is not None:
        return unknown.draw("associative_scan", (f, elems, reverse, axis), {})
    if reverse:
        turned = map_structure(lambda x: flip(x, axis), elems)
        return map_structure(lambda x: flip(x, axis), associative_scan(f, turned, False, axis))
    length, *others = [known_length(x, axis, "associative_scan") for x in flatten(elems)]
    if any(other != length for other in others):
        raise ShapeError(f"associative_scan: arrays of one length along axis {axis}, got {[length, *others]}")
    step = 1
    while step < length:  # results over `step` entries become those over twice as many

        def part(start: int, stop: int) -> Any:
            places = np.arange(start, stop)
            return map_structure(lambda x: ops.take(x, places, axis), elems)  # noqa: B023 - called within the turn

        first, rest = part(0, step), f(part(0, length - step), part(step, length))
        elems = map_structure_up_to(first, lambda *both: ops.concatenate(both, axis), first, rest)
        step *= 2
    return elems


class _WrittenGradient(Jacobian):
    """The derivative of one output by one input as a function of the output's gradient, which a user wrote."""

    __slots__ = ("_gradient", "index")

    def __init__(self, gradient: Callable[[Any], Sequence[Any]], index: int, shapes: tuple[Any, Any]) -> None:
        super().__init__(*shapes)
        self._gradient, self.index = gradient, index

    def vjp(self, cotangent: np.ndarray) -> np.ndarray:
        rank = len(self.out_shape)
        seeds = cotangent.shape[: cotangent.ndim - rank]
        rows = cotangent.reshape(-1, *self.out_shape)
        parts = [np.asarray(self._gradient(row)[self.index]) for row in rows]
        return np.reshape(parts, (*seeds, *self.in_shape))

    def jvp(self, tangent: np.ndarray) -> np.ndarray:
        self._check_dense_bytes(self.dense_nbytes)
        count = math.prod(self.out_shape)
        dense = self.vjp(np.eye(count).reshape(count, *self.out_shape)).reshape(count, -1)
        seeds = tangent.shape[: tangent.ndim - len(self.in_shape)]
        return (tangent.reshape(-1, dense.shape[1]) @ dense.T).reshape(*seeds, *self.out_shape)


def custom_gradient(f: Callable[..., tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """A function with a custom gradient: `f(*arrays)` returns the output and a function of its gradient.

    That function is called as `gradient(upstream)`, or as `gradient(*arrays, upstream=upstream)` where it takes
    the argument `upstream` by name, and returns the gradient with respect to each array.
    """

    def compute(*arrays: Any) -> Any:
        traced = [array for array in arrays if isinstance(array, Traced)]
        values = [array.value if isinstance(array, Traced) else np.asarray(array) for array in arrays]
        output, gradient = f(*values)
        if not traced:
            return output

        def by_arrays(upstream: Any) -> Sequence[Any]:
            parameters = inspect.signature(gradient).parameters
            several = "upstream" in parameters and len(parameters) > 1
            gradients = gradient(*values, upstream=upstream) if several else gradient(upstream)
            return gradients if isinstance(gradients, (list, tuple)) else (gradients,)

        output = np.asarray(output)
        maps = [
            _WrittenGradient(by_arrays, index, (array.shape, output.shape)) if isinstance(array, Traced) else None
            for index, array in enumerate(arrays)
        ]
        slots = [array.slot if isinstance(array, Traced) else None for array in arrays]
        return traced[0].trace.note(f, output, Jacobians(*maps), slots)

    return compute


def jvp(fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> Any:
    """`fun(*primals)`, and its change for the change `tangents`.

    Args:
        fun: a function of ops.
        primals, tangents: arrays of the same shapes.
        has_aux: whether `fun` returns a pair, whose second part is returned unchanged.
    """
    if len(primals) != len(tangents):
        raise ShapeError(f"jvp got {len(primals)} primals and {len(tangents)} tangents")
    trace = Trace()
    values = [np.asarray(value) for value in primals]
    values = [value if value.dtype.kind in "fc" else value.astype(np.float64) for value in values]
    output = fun(*[trace.variable(value) for value in values])
    output, further = output if has_aux else (output, None)
    further = map_structure(lambda item: item.value if isinstance(item, Traced) else item, further)
    if not isinstance(output, Traced):
        change = np.zeros_like(np.asarray(output))
        return (output, change, further) if has_aux else (output, change)
    changes = [np.asarray(change, value.dtype) for change, value in zip(tangents, values, strict=True)]
    change = trace.jacobians(output).jvp(*changes)
    change = np.zeros_like(output.value) if change is None else change
    return (output.value, change, further) if has_aux else (output.value, change)


@drawable
def view_as_complex(x: Any) -> np.ndarray:
    """Real and imaginary parts along the last axis as complex numbers: `(..., 2) -> (...)`."""
    (values,) = as_written([x])
    if values.shape[-1:] != (2,):
        raise ShapeError(f"view_as_complex takes a last axis of 2, got the shape {values.shape}")
    return values[..., 0] + 1j * values[..., 1]


@drawable
def view_as_real(x: Any) -> np.ndarray:
    """Complex numbers as real and imaginary parts: `(...) -> (..., 2)`."""
    values = np.asarray(x)
    return np.stack([np.real(values), np.imag(values)], -1)


add_functions(globals(), ["associative_scan"], as_numpy=False)
UNDERIVED.update({"view_as_complex": view_as_complex, "view_as_real": view_as_real})
