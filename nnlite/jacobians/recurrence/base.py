"""Base of recurrences: the walk back and forth through time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

__all__ = ["Recurrence"]

Gradient = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # that of rows @ kernel with respect to the kernel, from rows and deltas


class Recurrence:
    """The derivative of all states with respect to the gates' inputs and to the states before the first step.

    A subclass keeps what the forward pass computed and writes `pull`, the recurrence backwards in time, and `push`,
    the same forwards. Arrays are `(*lead, steps, batch, ...)`, where `lead` is `()` or `(seeds,)`; `deltas` is the
    derivative with respect to what enters the gates, before their activation.

    Args:
        hidden: the hidden states, the first one first, `(steps + 1, batch, units)`.
        kernel: the recurrent kernel.
        mask: 1 where a step counts, else 0, `(steps, batch, 1)`; None for all. A masked step keeps the states.
        cached: further arrays of the forward pass.
    """

    __slots__ = ("cached", "hidden", "kernel", "mask")

    states = 1  # how many arrays the state has

    def __init__(self, hidden: np.ndarray, kernel: np.ndarray, mask: np.ndarray | None, *cached: np.ndarray) -> None:
        self.hidden = hidden
        self.kernel = kernel
        self.mask = mask
        self.cached = cached

    def pull(self, outputs: np.ndarray | None, states: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """The deltas and the derivatives with respect to the first states.

        Args:
            outputs: that with respect to the hidden state after each step, `(steps, *lead, batch, units)` or None.
            states: derivatives with respect to the last states, arrays that may be written to.
        """
        raise NotImplementedError

    def push(
        self, entering: np.ndarray, recurrent: np.ndarray | None, bias: np.ndarray | None, states: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The tangents of the hidden states, a list, and of the last states.

        Args:
            entering: tangent of what the inputs bring to the gates, biases included, `(*lead, steps, batch, ...)`.
            recurrent: tangent of the recurrent kernel, or None.
            bias: tangent of a second bias, or None.
            states: tangents of the first states.
        """
        raise NotImplementedError

    def entering(self, deltas: np.ndarray) -> np.ndarray:
        """The part of the deltas that belongs to the inputs' contribution."""
        return deltas

    def gradients(
        self, outputs: np.ndarray | None, states: Sequence[np.ndarray], rows: np.ndarray, gradient: Gradient
    ) -> tuple[list[np.ndarray], list[Callable[[], np.ndarray]]]:
        """The derivatives with respect to the first states, and the result of `by_weights`; the deltas are not kept."""
        deltas, states = self.pull(outputs, states)
        return states, self.by_weights(gradient, rows, deltas)

    def by_weights(self, gradient: Gradient, rows: np.ndarray, deltas: np.ndarray) -> list[Callable[[], np.ndarray]]:
        """Functions that compute the derivatives with respect to kernel, recurrent kernel and bias."""
        return [
            lambda: gradient(rows, self.entering(deltas)),
            lambda: self.by_kernel(gradient, deltas),
            lambda: self.by_bias(gradient, deltas),
        ]

    def by_kernel(self, gradient: Gradient, deltas: np.ndarray) -> np.ndarray:
        """Derivative with respect to the recurrent kernel; `gradient(rows, deltas)` is that of `rows @ kernel`."""
        return gradient(self.hidden[:-1], deltas)

    def by_bias(self, gradient: Gradient, deltas: np.ndarray) -> np.ndarray:
        """Derivative with respect to the bias."""
        return gradient(np.ones((*self.hidden[1:].shape[:2], 1), deltas.dtype), deltas)[..., 0, :]

    def masked(self, slopes: np.ndarray) -> np.ndarray:
        """`slopes`, 0 at masked steps."""
        return slopes if self.mask is None else slopes * self.mask

    def carried(self, slopes: np.ndarray) -> np.ndarray:
        """`slopes` of a state with respect to its previous value: 1 at masked steps."""
        return slopes if self.mask is None else slopes * self.mask + (1 - self.mask)

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that this recurrence keeps."""
        yield from (self.hidden, self.kernel, *self.cached)


def tanh_slope(y: np.ndarray) -> np.ndarray:
    """dy/dx of y = tanh(x)."""
    slopes = np.multiply(y, y)
    return np.subtract(1, slopes, out=slopes)


def sigmoid_slope(y: np.ndarray) -> np.ndarray:
    """dy/dx of y = sigmoid(x)."""
    slopes = np.subtract(1, y)
    slopes *= y
    return slopes


def backwards(*arrays: Any) -> Iterator[tuple[Any, ...]]:
    """The steps of several arrays in parallel, last one first."""
    return zip(*(array[::-1] for array in arrays), strict=True)
