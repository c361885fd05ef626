"""Parts of the loss over all rows: pieces of the rows, and what a loss says of these."""

from typing import Any, NamedTuple

import numpy as np

from nnlite.losses import Loss, MeanSquaredError
from nnlite.losses.output_losses import OutputLosses

__all__ = ["Piece", "adds_up", "in_float64", "sums_squares"]


class Piece(NamedTuple):
    """Some of the rows, and the loss linearized there."""

    outputs: Any
    jacobians: Any
    rows: tuple
    value: float
    by_outputs: Any


def sums_squares(loss: Any) -> bool:
    """Whether a loss is a sum of squared errors; one of several outputs, whether all of them are."""
    if isinstance(loss, OutputLosses):
        return all(sums_squares(part) for part in loss.losses if part is not None)
    return isinstance(loss, Loss) and type(loss).per_row is MeanSquaredError.per_row


def adds_up(loss: Loss, y: Any, outputs: Any) -> bool:
    """Whether the loss is a sum over rows by itself, so that pieces of the rows can be added up."""
    if not loss.counts_zeros or loss._adapts(outputs):
        return False
    losses, by_rows = loss.per_row(y, outputs)
    return losses.shape == outputs.shape[:-1] and not by_rows.mixes_rows


def in_float64(array: Any) -> Any:
    """Floating-point numbers in float64; indices, strings and None as they are."""
    if isinstance(array, tuple):
        return tuple(in_float64(part) for part in array)
    floats = isinstance(array, np.ndarray) and array.dtype.kind == "f"
    return array.astype(np.float64, copy=False) if floats else array
