"""Penalties on the size of parameters, added to the loss."""

import numpy as np

from nnlite.registry import Configurable
from nnlite.registry.field_types import NonNegative


class Regularizer(Configurable, family="regularizer"):
    """A penalty on the values of one parameter and its gradient.

    >>> Regularizer.get({"L2": {"l2": 0.5}})(np.array([1.0, 2.0]))
    2.5
    """

    def __call__(self, values: np.ndarray) -> float:
        """The same as `penalty`."""
        return self.penalty(values)

    def penalty(self, values: np.ndarray) -> float:
        """What is added to the loss, for values of any shape."""
        raise NotImplementedError

    def add_gradient(self, values: np.ndarray, gradient: np.ndarray) -> None:
        """Add d penalty / d values to `gradient` in place; both have the same shape."""
        raise NotImplementedError


class NormPenalty(Regularizer, abstract=True):
    """Base of the penalties `l1 * sum(abs(values)) + l2 * sum(values**2)`."""

    l1 = 0.0
    l2 = 0.0

    def penalty(self, values: np.ndarray) -> float:
        total = 0.0
        if self.l1:
            total += self.l1 * float(np.abs(values).sum())
        if self.l2:
            total += self.l2 * float(np.vdot(values, values))
        return total

    def add_gradient(self, values: np.ndarray, gradient: np.ndarray) -> None:
        if self.l1:
            gradient += self.l1 * np.sign(values)
        if self.l2:
            gradient += (2.0 * self.l2) * values


class L1(NormPenalty):
    """`penalty = l1 * sum(abs(values))`: drives values to zero, where its gradient is taken as zero.

    Args:
        l1: strength, >= 0.
    """

    l1: NonNegative = 0.01


class L2(NormPenalty):
    """`penalty = l2 * sum(values**2)`: keeps values small.

    The `weight_decay` of PyTorch's SGD and Adam is this with `l2 = weight_decay / 2`.

    Args:
        l2: strength, >= 0.
    """

    l2: NonNegative = 0.01


class L1L2(NormPenalty):
    """`penalty = l1 * sum(abs(values)) + l2 * sum(values**2)`; also called the elastic net.

    Args:
        l1: strength of the absolute part, >= 0.
        l2: strength of the squared part, >= 0.
    """

    l1: NonNegative = 0.0
    l2: NonNegative = 0.0
