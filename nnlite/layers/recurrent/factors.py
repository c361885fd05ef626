"""Dropout factors of cells under Keras's names, for users' steps.

They are drawn once and kept until they are reset: a sequence has the same for all its steps. The cell's own steps draw
theirs by `noise`, from the place of the layer and the step of training.
"""

from typing import Any

import numpy as np

from nnlite.layers.recurrent.cells import noise

__all__ = []


def get_dropout_mask(self: Any, step_input: Any) -> np.ndarray | None:
    """The factors of the inputs, `1 / (1 - dropout)` or 0 for each number of a step; None without dropout."""
    return _kept_factors(self, "dropout", step_input)


def get_recurrent_dropout_mask(self: Any, step_input: Any) -> np.ndarray | None:
    """The factors of the state, for an array like it; None without recurrent dropout."""
    return _kept_factors(self, "recurrent_dropout", step_input)


def reset_dropout_mask(self: Any) -> None:
    """Draw other factors of the inputs next time."""
    vars(self).pop("_factors_dropout", None)


def reset_recurrent_dropout_mask(self: Any) -> None:
    """Draw other factors of the state next time."""
    vars(self).pop("_factors_recurrent_dropout", None)


def _kept_factors(cell: Any, argument: str, step_input: Any) -> np.ndarray | None:
    kept, rate, name = vars(cell), vars(cell)[argument], f"_factors_{argument}"
    if rate and name not in kept:
        index, source = int(argument != "dropout"), cell._next_random()
        kept[name] = noise(cell, rate, step_input.shape, np.dtype(cell.dtype), index, True, source)
    return kept.get(name)
