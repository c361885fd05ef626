"""The recurrence of an LSTM."""

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nnlite import kernels
from nnlite.jacobians.recurrence.base import Gradient, Recurrence
from nnlite.kernels.reference.recurrent import blocks, lstm_slopes, steps_first

__all__ = ["LSTMRecurrence"]


class LSTMRecurrence(Recurrence):
    """c = f * c_before + i * g, h = o * tanh(c), where i, f, g, o are functions of entering + h_before @ kernel.

    Cached: what `kernels.lstm_run` returned.
    """

    __slots__ = ()

    states = 2

    def pull(self, outputs: np.ndarray | None, states: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        deltas, *states = kernels.lstm_pull(*self.cached, self.kernel, self.mask, outputs, *states)
        return deltas, states

    def push(
        self, entering: np.ndarray, recurrent: np.ndarray | None, bias: np.ndarray | None, states: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        hidden, cell = states
        if recurrent is not None:
            entering = entering + self.hidden[:-1] @ recurrent[..., None, :, :]
        outputs = []
        for arriving, (by_gate, by_o, by_c, f, skip) in zip(
            steps_first(entering), lstm_slopes(*self.cached, self.mask), strict=True
        ):
            kept = 0 if skip is None else hidden * skip
            gates = blocks(arriving + hidden @ self.kernel, 4)
            cell = cell * f + (gates[..., :3, :, :] * by_gate).sum(axis=-3)
            hidden = cell * by_c + gates[..., 3, :, :] * by_o + kept
            outputs.append(hidden)
        return outputs, [hidden, cell]

    def by_weights(self, gradient: Gradient, rows: np.ndarray, deltas: np.ndarray) -> list[Callable[[], np.ndarray]]:
        return self._apart(functools.cache(lambda: gradient(self.cached[0][:-1], deltas)), rows)

    def gradients(
        self, outputs: np.ndarray | None, states: Sequence[np.ndarray], rows: np.ndarray, gradient: Gradient
    ) -> tuple[list[np.ndarray], list[Callable[[], np.ndarray]]]:
        joint, *states = kernels.lstm_gradients(*self.cached, self.kernel, self.mask, outputs, *states)
        return states, self._apart(lambda: joint, rows)

    def stored(self) -> Iterator[np.ndarray]:
        yield from (self.hidden, self.kernel, *self.cached[1:])  # the first one is hidden states and rows

    def _apart(self, joint, rows):
        """Kernel, recurrent kernel and bias, whose gradients are one product: the quickest."""
        units, features = len(self.kernel), rows.shape[-1]
        return [
            lambda: joint()[..., units : units + features, :],
            lambda: joint()[..., :units, :],
            lambda: joint()[..., -1, :],
        ]
