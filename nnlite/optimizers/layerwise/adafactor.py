"""Adafactor: the squared gradients of a matrix are stored by row and by column only."""

from typing import Annotated

import numpy as np

from nnlite.optimizers.base import KerasSlot, LearningRate
from nnlite.optimizers.base.slots import update_mean
from nnlite.optimizers.layerwise.base import LayerwiseOptimizer
from nnlite.registry.bounds import Positive, Range
from nnlite.registry.fields import option

__all__ = ["Adafactor"]

Shape = tuple[int, ...]


class Adafactor(LayerwiseOptimizer):
    """Steps proportional to the size of each parameter, with second moments of rows and columns, not of all elements.

    With `step` counted from 1 and `rms(x) = sqrt(mean(x**2))`, for each parameter:

        beta_2 = 1 - step**beta_2_decay
        squares = gradient**2 + epsilon_1
        row = beta_2 * row + (1 - beta_2) * mean(squares, axis=-1)                   (of two axes and more)
        column = beta_2 * column + (1 - beta_2) * mean(squares, axis=-2)
        velocity = row / mean(row, axis=-1) * column,   (..., rows, 1) * (..., 1, columns)
        velocity = beta_2 * velocity + (1 - beta_2) * squares                        (of fewer)
        change = gradient / sqrt(velocity)
        rate = min(learning_rate, 1 / sqrt(step))
        value -= max(epsilon_2, rms(value)) * rate * change / max(1, rms(change) / clip_threshold)

    Args:
        learning_rate: largest relative size of a step, >= 0, or a schedule.
        beta_2_decay: power at which the forgetting of squares slows down, <= 0.
        epsilon_1: added to the squares, > 0.
        epsilon_2: least size of a parameter that steps are in proportion to, > 0.
        clip_threshold: the largest root mean square of a change, > 0.
        relative_step: kept so that programs written for Keras run: the rate is at most `1 / sqrt(step)` with it and
            without it, in Keras too.

    The further arguments are those of `Optimizer`.

    Reference: Shazeer & Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost", arXiv:1804.04235.

    >>> Adafactor(0.01)
    Adafactor(learning_rate=0.01)
    """

    learning_rate: LearningRate = option(default=0.001)
    beta_2_decay: Annotated[float, Range(high=0)] = -0.8
    epsilon_1: Positive = 1e-30
    epsilon_2: Positive = 1e-3
    clip_threshold: Positive = 1.0
    relative_step: bool = True

    def slot_names(self) -> tuple[str, ...]:
        return ("row", "column", "velocity")

    def keras_slots(self) -> list[list[KerasSlot]]:
        """As `Slots.keras_slots`; Keras calls those of rows and columns after the parameter alone."""
        return [[KerasSlot("row", ""), KerasSlot("column", ""), KerasSlot("velocity", "velocity")]]

    def fading_slots(self) -> tuple[str, ...]:
        return ()  # they are at least about epsilon_1

    def slot_shapes(self, shape: Shape, path: str) -> dict[str, Shape]:
        if len(shape) < 2:
            return {"velocity": shape}
        return {"row": shape[:-1], "column": (*shape[:-2], shape[-1])}

    def slot_views(self, number: int, index: int) -> dict[str, np.ndarray]:
        """The slots of one parameter as Keras lists them: all three, although one or two are not stored here."""
        views = super().slot_views(number, index)
        if "velocity" in views:
            return {**dict.fromkeys(("row", "column"), np.zeros((), np.int32)), **views}
        row, column = views["row"], views["column"]
        unknown = np.zeros((*row.shape, column.shape[-1]), row.dtype)  # before the first step
        return {**views, "velocity": _product(row, column) if row.any() else unknown}

    def update_parameter(
        self, value: np.ndarray, gradient: np.ndarray, slots: dict[str, np.ndarray], learning_rate: float
    ) -> None:
        step = self.iterations + 1
        forgotten = step**self.beta_2_decay
        squares = gradient * gradient + self.epsilon_1
        if value.ndim < 2:
            velocity = slots["velocity"]
            update_mean(velocity, squares, forgotten)
        else:
            row, column = slots["row"], slots["column"]
            update_mean(row, squares.mean(axis=-1), forgotten)
            update_mean(column, squares.mean(axis=-2), forgotten)
            velocity = _product(row, column)
        change = gradient / np.sqrt(velocity)
        rate = max(self.epsilon_2, _rms(value)) * min(learning_rate, 1.0 / np.sqrt(step))
        value -= change * (rate / max(1.0, _rms(change) / self.clip_threshold))


def _product(row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The squares that follow from the means over rows and over columns."""
    return (row / row.mean(axis=-1, keepdims=True))[..., None] * column[..., None, :]


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(x * x)))
