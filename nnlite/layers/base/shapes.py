"""Trial runs of a layer on zeros: what it returns, and its shape."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.initializers.blank import allowance
from nnlite.ops.tape import trial_run

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


SMALL = 1024  # numbers
# The number of rows of each input, where a layer that is built takes these and no others.
_ROWS: ContextVar[tuple[int, ...]] = ContextVar("rows that layers are tried on", default=())


@contextmanager
def tried_on(inputs: Sequence[Any]) -> Iterator[None]:
    """A context in which layers are built for, and tried on, as many rows as these values have.

    Nothing is special about one row, by which layers are tried otherwise, or about a number that is not known.
    """
    rows = tuple(value.shape[0] if value.shape else 1 for value in inputs)
    token = _ROWS.set(() if None in rows or set(rows) == {1} else rows)
    try:
        yield
    finally:
        _ROWS.reset(token)


def shapes_in(shape: Sequence) -> Sequence[Any]:
    """The shapes in a tuple of shapes, or the single given one, which is empty for a scalar."""
    return shape if isinstance(next(iter(shape), None), (tuple, list)) else (shape,)


def is_small(*shapes: tuple) -> bool:
    """Whether an example of each shape has few numbers; a shape may be a tuple of shapes."""
    parts = [part for shape in shapes for part in shapes_in(shape)]
    return all(math.prod(_sized(part, 1)) <= SMALL for part in parts)


def tried_on_unequal(arrays: Sequence[np.ndarray]) -> AbstractContextManager[None]:
    """`tried_on` these values, if their numbers of rows differ, as for the nodes and edges of a graph."""
    return tried_on(arrays if len({array.shape[:1] for array in arrays}) > 1 else ())


def trial_shape(layer: "Layer", input_shape: tuple) -> tuple:
    """The output shape for `input_shape` (a tuple for several outputs), with 1 and then 2 in place of None.

    A layer that writes `call` and was not built stays so: a copy of it is built and tried.
    """
    if layer._traced and not (layer._build_done or layer._builds_itself):
        return shapes_of_twin(layer, input_shape)
    ones, twos = (trial_shapes(layer, input_shape, size) for size in (1, 2))
    rows = _ROWS.get()[:1]
    shapes = [
        tuple(
            one if one == two and (axis or (one,) != rows) else None
            for axis, (one, two) in enumerate(zip(*lengths, strict=True))
        )
        for lengths in zip(ones, twos, strict=True)
    ]
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def shapes_of_twin(layer: "Layer", input_shape: tuple) -> tuple:
    """The output shape of a layer that is not built, which stays so: of a copy that is built for `input_shape`."""
    twin = copy.deepcopy(layer)
    shape, layer._structure = twin._ensure_built(input_shape), twin._structure
    return shape


def trial_shapes(layer: "Layer", input_shape: tuple, size: int) -> list[tuple[int, ...]]:
    """The shape of each output, with `size` in place of None; `ShapeError` if `linearize` violates its contract."""
    zeros = zeros_for(layer, input_shape, size)
    with trial_run():
        result = tried_with_mask(layer, zeros, lambda **mask: layer.linearize(zeros, *layer.values, **mask))
    inputs = len(input_shape) if layer.takes_several else 1
    if not (isinstance(result, tuple) and len(result) == 2 and len(result[1]) == inputs + len(layer.parameters)):
        raise ShapeError(
            f"{layer.label}: linearize must return (output, Jacobians) with one map for the inputs and one for "
            f"each of its {len(layer.parameters)} parameters"
        )
    return [output.shape for output in (result[0] if isinstance(result[0], tuple) else result[:1])]


def tried_with_mask(layer: "Layer", inputs: Any, run: Callable[..., Any]) -> Any:
    """`run()`, or, if `call` requires a mask, `run(mask=...)` with a mask of all steps."""
    try:
        return run()
    except Exception:
        if "mask" not in layer._call_context:
            raise
        masks = [np.ones(array.shape[:2], bool) for array in (inputs if isinstance(inputs, tuple) else (inputs,))]
        with suppress(Exception):
            return run(mask=tuple(masks) if isinstance(inputs, tuple) else masks[0])
        raise


def zeros_for(layer: "Layer", input_shape: tuple, size: int) -> np.ndarray | tuple[np.ndarray, ...]:
    """Inputs of `input_shape` to try `layer` on, with `size` in place of None: zeros, or stacks of `blank`."""
    room = allowance()
    shapes = input_shape if layer.takes_several else (input_shape,)
    if len(rows := _ROWS.get()) == len(shapes):
        shapes = [(count, *shape[1:]) if shape[0] is None else shape for count, shape in zip(rows, shapes, strict=True)]
    if room is not None:
        count = sum(math.prod(_sized(shape, size)) for shape in shapes)
        room.check_count(count // 4, f"{layer.label} is tried on an example")
    dtypes = {"numbers": layer.dtype, "indices": np.intp, "strings": "U1", "categories": "U1"}

    def made(kind: str, lengths: Sequence[int]) -> np.ndarray:
        return (blank if kind == "numbers" and len(lengths) > 2 else np.zeros)(lengths, dtypes[kind])

    if not layer.takes_several:
        return made(layer.input_kind, _sized(shapes[0], size))
    kinds = layer._input_kinds or ["numbers"] * len(shapes)
    return tuple(made(kind, _sized(lengths, size)) for lengths, kind in zip(shapes, kinds, strict=True))


def blank(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Zeros, on the diagonal of square matrices of numbers ones, so that they have an inverse."""
    array = np.zeros(shape, dtype)
    if array.ndim > 1 and array.shape[-1] == array.shape[-2] and array.dtype.kind in "biufc":
        array[...] = np.eye(array.shape[-1])
    return array


def _sized(shape: tuple, size: int) -> list[int]:
    return [size if length is None else length for length in shape]


def wrong_shape(layer: "Layer", shape: tuple) -> ShapeError:
    """Error for inputs of a shape that a built layer does not accept."""
    return ShapeError(f"{layer.label} was built for inputs of shape {layer.input_shape}, got {tuple(shape)}")


def takes_too(layer: "Layer", shape: tuple) -> bool:
    """Whether a call on arrays may have a `shape` other than the one that the layer was built for.

    A class says by `_fixes` what has to be the same: the `"shape"`, the `"rank"` and the number of features, the number
    of features that stand `"last"`, or `"nothing"`.
    """
    built, fixes = layer._free_shapes[0], layer._fixes
    if fixes == "shape" or isinstance(built[0], (tuple, list)) != isinstance(shape[0], (tuple, list)):
        return False
    if isinstance(built[0], (tuple, list)):
        fits = fixes == "nothing" and len(built) == len(shape)
    elif fixes == "nothing" or (layer._traced and not layer.parameters):
        fits = True
    else:
        axes = layer._fixed_axis if isinstance(layer._fixed_axis, tuple) else (layer._fixed_axis,)
        ranked = len(shape) == len(built) if fixes == "rank" else len(shape) > 1
        fits = ranked and (not layer.parameters or all(built[axis] in (None, shape[axis]) for axis in axes))
    if fits and not layer._traced:
        layer.compute_output_shape(shape)  # says what is wrong with it
    return fits
