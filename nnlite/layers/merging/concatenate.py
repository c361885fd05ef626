"""Layers that join two or more arrays into one: by concatenation, or by products."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nnlite import ops
from nnlite.arrays.contraction import contract
from nnlite.arrays.types import BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Composed, EinsumJacobian, Jacobians, Rearrange
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.masks import checked_masks
from nnlite.layers.normalization.group import UnitNormalization
from nnlite.ops import shaping

__all__ = ["Concatenate", "Dot"]


class Concatenate(Layer):
    """outputs = the inputs joined along `axis`.

    Shape: a list of shapes that differ in that axis alone, as `(batch, a), (batch, b) -> (batch, a + b)`. If one
    input has a mask, inputs without a mask count entirely.

    Args:
        axis: any; with 0 the examples of one input follow those of the other.

    >>> import numpy as np
    >>> Concatenate()([np.array([[1.0, 2.0]]), np.array([[3.0]])]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    axis: int = -1

    _kept_kinds = "biu"
    supports_masking, _sets_mask = True, True
    takes_several = True

    _fixes = "nothing"

    def build(self, input_shape: Sequence[BatchShape]) -> None:
        check_several(self, input_shape)
        rank = len(input_shape[0])
        if not -rank <= self.axis < rank:
            raise ConfigError(f"{self.label}: axis {self.axis} is not an axis of {tuple(input_shape[0])}")
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Sequence[BatchShape]) -> BatchShape:
        first = input_shape[0]
        position = self.axis % len(first)
        if any(len(shape) != len(first) for shape in input_shape):
            raise ShapeError(f"{self.label} needs inputs of one rank, got {shown(input_shape)}")
        joined = []
        for axis, lengths in enumerate(zip(*input_shape, strict=True)):
            known = {length for length in lengths if length is not None}
            if axis == position:
                joined.append(None if None in lengths else sum(lengths))
            elif len(known) > 1:
                raise ShapeError(
                    f"{self.label} needs inputs that differ in axis {position} alone, got {shown(input_shape)}"
                )
            else:
                joined.append(known.pop() if known else None)
        return tuple(joined)

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        if previous_mask is None or all(mask is None for mask in previous_mask):
            return None
        whole = [ops.ones_like(item, dtype="bool") for item in inputs]
        for index, mask in enumerate(previous_mask):
            if mask is not None:
                further = tuple(range(len(mask.shape), len(whole[index].shape)))
                whole[index] = ops.logical_and(whole[index], ops.expand_dims(mask, further) if further else mask)
        joined = ops.concatenate(whole, self.axis)
        return ops.any(joined, tuple(range(min(2, len(joined.shape) - 1), len(joined.shape))))

    def linearize(self, inputs: tuple[np.ndarray, ...], mask: Any = None) -> tuple[np.ndarray, Jacobians]:
        self.compute_output_shape([array.shape for array in inputs])
        outputs, joined = shaping.Concatenate(self.axis).linearize(*inputs)
        masks = checked_masks(self, inputs, mask)
        if any(one is not None for one in masks):
            whole = [
                np.broadcast_to(True if one is None else one.reshape(*one.shape, *[1] * (a.ndim - one.ndim)), a.shape)
                for one, a in zip(masks, inputs, strict=True)
            ]
            mask = np.concatenate(whole, axis=self.axis).any(axis=tuple(range(min(2, outputs.ndim - 1), outputs.ndim)))
        else:
            mask = None
        return outputs, Jacobians(*joined.maps, data=len(inputs), mask=mask)


class Dot(Layer):
    """outputs = sum of products of two inputs along one axis of each, example by example.

    Shape: with axes (a, b), the axes of the first without a, then those of the second without batch and b:
    `(batch, n, k), (batch, k, m) -> (batch, n, m)`; two matrices give `(batch, 1)`.

    Args:
        axes: one axis of both inputs, or one of each; not the batch.
        normalize: whether both are brought to the length 1 along it first: the result is a cosine.

    >>> import numpy as np
    >>> a, b = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])
    >>> Dot(axes=1)([a, b]).tolist()
    [[11.0]]
    """

    axes: int | tuple[int, int]
    normalize: bool = False

    supports_masking, _sets_mask = True, True
    takes_several = True

    _fixes = "nothing"

    def build(self, input_shape: Sequence[BatchShape]) -> None:
        check_several(self, input_shape, 2)
        for axis, shape in zip(self._given(), input_shape, strict=True):
            if axis % len(shape) == 0 or not -len(shape) <= axis < len(shape):
                raise ConfigError(
                    f"{self.label}: axes {self.axes} must name axes after the batch of {shown(input_shape)}"
                )
        self._check_lengths(input_shape)

    def _check_lengths(self, input_shape):
        left, right = (shape[axis] for axis, shape in zip(self._given(), input_shape, strict=True))
        if None not in (left, right) and left != right:
            raise ShapeError(
                f"{self.label} needs inputs of one length along the axes {self.axes}, got {shown(input_shape)}"
            )

    def _given(self):
        return (self.axes, self.axes) if isinstance(self.axes, int) else self.axes

    def compute_output_shape(self, input_shape: Sequence[BatchShape]) -> BatchShape:
        left, right = map(list, input_shape)
        first, second = self._given()
        del left[first], right[second]
        joined = (*left, *right[1:])
        return joined if len(joined) > 1 else (*joined, 1)

    def linearize(self, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, Jacobians]:
        self._check_lengths([array.shape for array in inputs])
        places = [axis % array.ndim for axis, array in zip(self._given(), inputs, strict=True)]
        lengths = [None] * 2
        if self.normalize:
            pairs = [UnitNormalization(axis).linearize(array) for axis, array in zip(places, inputs, strict=True)]
            inputs, lengths = zip(*[(array, jacobians[0]) for array, jacobians in pairs], strict=True)
        labels = [["batch", *[(side, axis) for axis in range(1, array.ndim)]] for side, array in enumerate(inputs)]
        for names, position in zip(labels, places, strict=True):
            names[position] = "summed"
        wanted = [label for label in (*labels[0], *labels[1][1:]) if label != "summed"]
        outputs = contract(labels, inputs, wanted)
        maps = []
        for side, (array, length) in enumerate(zip(inputs, lengths, strict=True)):
            other = 1 - side
            part = EinsumJacobian(labels[side], wanted, (inputs[other],), (labels[other],), array.shape, outputs.shape)
            maps.append(part if length is None else Composed(part, length))
        outer = None
        if outputs.ndim == 1:
            outer = Rearrange(outputs.shape, (*outputs.shape, 1))
            outputs = outputs[:, None]
        return outputs, Jacobians(*maps, outer=outer, data=2)


def check_several(layer: Layer, input_shape: Sequence[Any], needed: int | None = None) -> None:
    """`ShapeError` unless there are several shapes, or the required number, with the same number of examples."""
    several = len(input_shape) > 0 and all(isinstance(shape, (tuple, list)) and shape for shape in input_shape)
    if not several or (needed and len(input_shape) != needed):
        got = shown(input_shape) if several else f"one of shape {tuple(input_shape)}"
        raise ShapeError(f"{layer.label} needs a list of {needed or 'several'} inputs, got {got}")
    if len({shape[0] for shape in input_shape} - {None}) > 1:
        raise ShapeError(f"{layer.label} needs inputs with one number of examples, got {shown(input_shape)}")


def shown(shapes: Iterable[BatchShape]) -> str:
    """Shapes as errors list them."""
    return " and ".join(str(tuple(shape)) for shape in shapes)
