"""Parts of the loss over all rows: pieces of rows, and properties of the loss."""

import copy
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.losses import Loss, MeanSquaredError
from nnlite.losses.masks import counted_weights
from nnlite.losses.output_losses import OutputLosses

__all__ = [
    "Piece",
    "adds_up",
    "counted_losses",
    "each_part",
    "factors_of_squares",
    "in_float64",
    "joined_masks",
    "loss_weights",
    "output_shapes",
    "summed",
    "sums_squares",
]


class Piece(NamedTuple):
    """Some of the rows, and the loss linearized there."""

    outputs: Any
    jacobians: Any
    rows: tuple
    value: float
    by_outputs: Any


def sums_squares(loss: Any) -> bool:
    """Whether a loss is a sum of squared errors; for several outputs, whether all of them are."""
    if isinstance(loss, OutputLosses):
        return all(sums_squares(part) for part in loss.losses if part is not None)
    return isinstance(loss, Loss) and type(loss).per_row is MeanSquaredError.per_row


def adds_up(loss: Any, y: Any, outputs: Any) -> bool:
    """Whether the loss is a sum over independent rows, so that pieces of rows can be added up."""
    if isinstance(loss, OutputLosses):
        parts = zip(loss.losses, y, outputs, strict=True)
        return all(part is None or adds_up(part, target, output) for part, target, output in parts)
    if not isinstance(loss, Loss) or not loss.counts_zeros or loss._adapts(outputs):
        return False
    losses, by_rows = loss.per_row(y, outputs)
    return losses.shape == outputs.shape[:-1] and not by_rows.mixes_rows


def summed(loss: Any, divisors: list[float]) -> tuple[Any, float]:
    """The loss as a sum over rows, and the divisor that turns the sum into the loss.

    Args:
        loss: one that `adds_up`.
        divisors: what its reduction divides the sum of each output by.
    """
    if not isinstance(loss, OutputLosses):
        twin = copy.copy(loss)
        twin.reduction = "sum"
        return twin, divisors[0]
    twins = [None if part is None else summed(part, [1.0])[0] for part in loss.losses]
    first = next(divisor for part, divisor in zip(twins, divisors, strict=True) if part is not None)
    weights = [weight * first / divisor for weight, divisor in zip(loss.weights, divisors, strict=True)]
    return OutputLosses(twins, weights, loss.names), first


def each_part(loss: Any, *values: Any) -> list[tuple]:
    """The loss of each output with its part of values such as targets, outputs, weights or masks; None means all."""
    if not isinstance(loss, OutputLosses):
        return [(loss, *values)]
    parts = [value if isinstance(value, tuple) else (value,) * len(loss.losses) for value in values]
    return list(zip(loss.losses, *parts, strict=True))


def counted_losses(loss: Any, outputs: Any, weights: Any, mask: Any, rows: int | None = None) -> Array:
    """The number of losses of each output that count, or their total weight; for `rows` other than the outputs'."""
    numbers = []
    for part, output, row_weights, output_mask in each_part(loss, outputs, weights, mask):
        shape = (rows or len(output), *output.shape[1:-1])
        counted, size = counted_weights(shape, np.float64, row_weights, output_mask)
        by_weight = part is not None and part.reduction == "mean_with_sample_weight"
        numbers.append(float(counted.sum()) if by_weight and counted is not None else size)
    return np.array(numbers)


def loss_weights(loss: Any) -> Sequence[float]:
    """The weight of each output's loss."""
    return loss.weights if isinstance(loss, OutputLosses) else [1.0]


def output_shapes(model: Any) -> Sequence[tuple]:
    """The shape of each output of a model."""
    shape = model.output_shape
    return shape if isinstance(shape[0], tuple) else (shape,)


def factors_of_squares(loss: Any, shapes: Sequence[tuple]) -> Array:
    """Factor of the square of each entry of a row in a loss that sums squares, for outputs of these shapes."""
    parts = zip(each_part(loss), loss_weights(loss), shapes, strict=True)
    factors = [
        np.full(math.prod(length or 1 for length in shape[1:]), weight * part._factor / shape[-1])
        for (part,), weight, shape in parts
    ]
    return np.concatenate(factors)


def joined_masks(masks: list[Any]) -> Any:
    """The masks of pieces, concatenated; for several outputs a tuple; None if there are none."""
    if isinstance(masks[0], tuple):
        return tuple([joined_masks(list(parts)) for parts in zip(*masks, strict=True)])
    return np.concatenate(masks) if isinstance(masks[0], np.ndarray) else masks[0]


def in_float64(array: Any) -> Any:
    """Floating-point numbers in float64; indices, strings and None unchanged."""
    if isinstance(array, tuple):
        return tuple(in_float64(part) for part in array)
    floats = isinstance(array, np.ndarray) and array.dtype.kind == "f"
    return array.astype(np.float64, copy=False) if floats else array
