"""Trying a layer on zeros: what it returns, and which shape."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.initializers.blank import allowance
from nnlite.ops.tape import trial_run

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


SMALL = 1024  # numbers


def shapes_in(shape: Sequence) -> Sequence[Any]:
    """The shapes in a tuple of several, or the one that is given, which is empty for a single number."""
    return shape if isinstance(next(iter(shape), None), (tuple, list)) else (shape,)


def is_small(*shapes: tuple) -> bool:
    """Whether an example of each shape has few numbers; a shape may be a tuple of shapes."""
    parts = [part for shape in shapes for part in shapes_in(shape)]
    return all(math.prod(_sized(part, 1)) <= SMALL for part in parts)


def trial_shape(layer: "Layer", input_shape: tuple) -> tuple:
    """The output shape for `input_shape` (a tuple of shapes for several outputs); None stands for one, then for two."""
    ones, twos = (trial_shapes(layer, input_shape, size) for size in (1, 2))
    shapes = [
        tuple(one if one == two else None for one, two in zip(*lengths, strict=True))
        for lengths in zip(ones, twos, strict=True)
    ]
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def trial_shapes(layer: "Layer", input_shape: tuple, size: int) -> list[tuple[int, ...]]:
    """The shape of each output, with `size` in place of None; `ShapeError` unless `linearize` returns what it must."""
    with trial_run():
        result = layer.linearize(zeros_for(layer, input_shape, size), *layer.values)
    inputs = len(input_shape) if layer.takes_several else 1
    if not (isinstance(result, tuple) and len(result) == 2 and len(result[1]) == inputs + len(layer.parameters)):
        raise ShapeError(
            f"{layer.label}: linearize must return (output, Jacobians) with one map for the inputs and one for "
            f"each of its {len(layer.parameters)} parameters"
        )
    return [output.shape for output in (result[0] if isinstance(result[0], tuple) else result[:1])]


def zeros_for(layer: "Layer", input_shape: tuple, size: int) -> np.ndarray | tuple[np.ndarray, ...]:
    """Inputs of `input_shape` to try `layer` on, with `size` in place of None."""
    room = allowance()
    if room is not None:
        shapes = input_shape if layer.takes_several else (input_shape,)
        count = sum(math.prod(_sized(shape, size)) for shape in shapes)
        room.check_count(count // 4, f"{layer.label} is tried on an example")
    dtypes = {"numbers": layer.dtype, "indices": np.intp, "strings": "U1", "categories": "U1"}
    if not layer.takes_several:
        return np.zeros(_sized(input_shape, size), dtypes[layer.input_kind])
    kinds = layer._input_kinds or ["numbers"] * len(input_shape)
    return tuple(
        np.zeros(_sized(lengths, size), dtypes[kind]) for lengths, kind in zip(input_shape, kinds, strict=True)
    )


def _sized(shape: tuple, size: int) -> list[int]:
    return [size if length is None else length for length in shape]


def wrong_shape(layer: "Layer", shape: tuple) -> ShapeError:
    """Error for inputs of a shape that a built layer does not take."""
    return ShapeError(f"{layer.label} was built for inputs of shape {layer.input_shape}, got {tuple(shape)}")


def takes_too(layer: "Layer", shape: tuple) -> bool:
    """Whether a call on arrays may have a `shape` other than the one that the layer was built for.

    A class says by `_fixes` what has to be the same: the `"shape"`, the `"rank"` and the number of features, the number
    of features that stand `"last"`, or `"nothing"`.
    """
    built, fixes = layer.input_shape, layer._fixes
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
