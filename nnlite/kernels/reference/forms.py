"""Losses and optimizers as compiled code for whole steps is told of them: by a number each."""

from typing import NamedTuple

__all__ = []  # no kernels

SQUARED_ERROR, SIGMOID_CROSSENTROPY, SOFTMAX_CROSSENTROPY, SOFTMAX_OF_SHARES = range(4)
ADAM, SGD, RMSPROP = range(3)
UNCLIPPED, BY_VALUE, BY_NORM, GLOBALLY = range(4)


class LossForm(NamedTuple):
    """A loss that compiled code knows.

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
    """The update of an optimizer that compiled code knows.

    Attributes:
        code: ADAM, SGD or RMSPROP.
        slots: the names of its slots, one or two; none if it has no memory.
        numbers: what the update needs beside the size of the step: of ADAM beta_1, beta_2 and epsilon; of SGD the
            momentum, and 1 for Nesterov's; of RMSPROP the share of the last square, the momentum and epsilon.
    """

    code: int
    slots: tuple[str, ...]
    numbers: tuple[float, float, float]
