"""Losses and optimizers as numeric codes for the compiled code that runs whole steps."""

from typing import NamedTuple

import numpy as np

__all__ = []  # no kernels

SQUARED_ERROR, SIGMOID_CROSSENTROPY, SOFTMAX_CROSSENTROPY, SOFTMAX_OF_SHARES = range(4)
ADAM, SGD, RMSPROP = range(3)
UNCLIPPED, BY_VALUE, BY_NORM, GLOBALLY = range(4)


class LossForm(NamedTuple):
    """A loss that compiled code supports.

    Attributes:
        code: SQUARED_ERROR, SIGMOID_CROSSENTROPY, SOFTMAX_CROSSENTROPY, or SOFTMAX_OF_SHARES: of numbers.
        factor: what the loss of a row is multiplied by.
        averages: whether the loss of a row is a mean over its units, rather than a sum.
        by_class: whether targets are class numbers, one for each row.
        smoothing: how far targets are moved towards equal chances, see `label_smoothing`.
        outcomes: how many chances those are; as many as there are units if None.
    """

    code: int
    factor: float = 1.0
    averages: bool = True
    by_class: bool = False
    smoothing: float = 0.0
    outcomes: int | None = None


class UpdateForm(NamedTuple):
    """The update of an optimizer that compiled code supports.

    Attributes:
        code: ADAM, SGD or RMSPROP.
        slots: the names of its slots, one or two; none if it has no memory.
        numbers: what the update needs beside the size of the step: of ADAM beta_1, beta_2 and epsilon; of SGD the
            momentum, and 1 for Nesterov's; of RMSPROP the share of the last square, the momentum and epsilon.
    """

    code: int
    slots: tuple[str, ...]
    numbers: tuple[float, float, float]


class Standing(NamedTuple):
    """Arrays, in C order, and integers that stay the same between calls of compiled code for whole steps.

    It is passed as one `table`, since each separate array takes a fifth of a microsecond. Whoever calls keeps
    the arrays, and makes another table where one of them is another array.

    Attributes:
        values, gradients: the vectors of all parameters, which are all updated.
        own_values, own_gradients: the vectors of one member that a `DenseRoom` was made for; those of all, if one.
        memory, dropout_scales: those of the room.
        first, second, average, sums: the slots of the update, the average of the values, the sum of gradients; each
            empty if there is none. Up to here arrays have the type of the values.
        factors, numbers, stretches, penalties: float64; factors of kernels, see `places`; numbers of the update, and
            the limit of the clipping; `(start, stop, factor of the update, factor of the decay)` of parts of the
            values; `(start, stop, l1, l2)` of those that are penalized.
        places, plan, segments: int64; where members' kernels lie, empty where they need no copies; the plan of the
            room; where each parameter begins and ends.
        loss: code of the loss.
        guarded: whether a loss that is not finite ends the steps, before the values are changed by it.
        apart: whether large products may be made in pieces, each by one thread.
        update, way: codes of the update and of the clipping.
        batches: how many batches make one update.
    """

    values: np.ndarray
    gradients: np.ndarray
    own_values: np.ndarray
    own_gradients: np.ndarray
    memory: np.ndarray
    dropout_scales: np.ndarray
    first: np.ndarray
    second: np.ndarray
    average: np.ndarray
    sums: np.ndarray
    factors: np.ndarray
    numbers: np.ndarray
    stretches: np.ndarray
    penalties: np.ndarray
    places: np.ndarray
    plan: np.ndarray
    segments: np.ndarray
    loss: int
    guarded: bool
    apart: bool
    update: int
    way: int
    batches: int

    def table(self) -> np.ndarray:
        """A row for each attribute: address and size of an array, or the integer and 0."""
        return np.array([(part.ctypes.data, part.size) if isinstance(part, np.ndarray) else (part, 0) for part in self])
