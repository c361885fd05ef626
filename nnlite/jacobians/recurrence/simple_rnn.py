"""The recurrence of a plain recurrent layer."""

from collections.abc import Sequence

import numpy as np

from nnlite.jacobians.recurrence.base import Recurrence, backwards, tanh_slope
from nnlite.kernels.reference.recurrent import empty_steps, every, steps_first

__all__ = ["SimpleRecurrence"]


class SimpleRecurrence(Recurrence):
    """h = tanh(z), z = entering + h_before @ kernel: deltas = g * (1 - h ** 2)."""

    __slots__ = ()

    def _skipped(self):
        return [None] * (len(self.hidden) - 1) if self.mask is None else 1 - self.mask

    def pull(self, outputs: np.ndarray | None, states: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        (hidden,) = states
        slopes, back = self.masked(tanh_slope(self.hidden[1:])), np.ascontiguousarray(self.kernel.T)
        deltas = empty_steps(hidden, len(slopes), hidden.shape[-1])
        for arriving, slope, delta, skip in backwards(
            every(outputs, slopes), slopes, steps_first(deltas), self._skipped()
        ):
            if arriving is not None:
                hidden += arriving
            np.multiply(hidden, slope, out=delta)
            kept = None if skip is None else hidden * skip
            np.matmul(delta, back, out=hidden)
            if kept is not None:
                hidden += kept
        return deltas, [hidden]

    def push(
        self, entering: np.ndarray, recurrent: np.ndarray | None, bias: np.ndarray | None, states: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        (hidden,) = states
        if recurrent is not None:
            entering = entering + self.hidden[:-1] @ recurrent[..., None, :, :]
        outputs = []
        slopes = self.masked(tanh_slope(self.hidden[1:]))
        for arriving, slope, skip in zip(steps_first(entering), slopes, self._skipped(), strict=True):
            kept = 0 if skip is None else hidden * skip
            hidden = (arriving + hidden @ self.kernel) * slope + kept
            outputs.append(hidden)
        return outputs, [hidden]
