"""Derivatives of the state of a GRU with respect to the inputs of its gates."""

from collections.abc import Sequence

import numpy as np

from nnlite.jacobians.recurrence.base import Gradient, Recurrence, backwards, sigmoid_slope, tanh_slope
from nnlite.kernels.reference.recurrent import blocks, empty_steps, every, steps_first

__all__ = ["GRURecurrence", "ResetBeforeRecurrence"]


class GRURecurrence(Recurrence):
    """h = z * h_before + (1 - z) * tanh(x + r * inner): the reset gate r acts after the product with the kernel.

    The deltas have four blocks: of inner, z, r and x; the recurrent kernel gets the first three, as its last, first
    and second block, the inputs' kernel the last three. Cached: z, r and the candidate tanh(...) `(steps, 3, batch,
    units)`, and inner.
    """

    __slots__ = ()

    def _slopes(self):
        """Of h by inner, z, r and x as one array, and by h one step before."""
        gates, inner = self.cached
        z, r, candidate = gates.swapaxes(0, 1)
        slopes = np.empty((len(z), 4, *z.shape[1:]), z.dtype)
        by_inner, by_z, by_r, by_x = slopes.swapaxes(0, 1)
        np.multiply(tanh_slope(candidate), 1 - z, out=by_x)
        np.multiply(by_x, r, out=by_inner)
        np.multiply(sigmoid_slope(z), self.hidden[:-1] - candidate, out=by_z)
        np.multiply(sigmoid_slope(r), by_x, out=by_r)
        by_r *= inner
        return (slopes if self.mask is None else slopes * self.mask[:, None]), self.carried(z)

    def pull(self, outputs: np.ndarray | None, states: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        (hidden,) = states
        slopes, carried = self._slopes()
        units = hidden.shape[-1]
        back = np.ascontiguousarray(np.roll(self.kernel, units, axis=1).T)
        deltas = empty_steps(hidden, len(carried), 4 * units)
        gates = steps_first(blocks(deltas, 4), 4)
        for arriving, recurrent, gate, slope, carry in backwards(
            every(outputs, carried), steps_first(deltas)[..., : 3 * units], gates, slopes, carried
        ):
            if arriving is not None:
                hidden += arriving
            np.multiply(hidden[..., None, :, :], slope, out=gate)
            kept = hidden * carry
            np.matmul(recurrent, back, out=hidden)
            hidden += kept
        return deltas, [hidden]

    def push(
        self, entering: np.ndarray, recurrent: np.ndarray | None, bias: np.ndarray | None, states: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        (hidden,) = states
        slopes, carried = self._slopes()
        inner = 0 if recurrent is None else self.hidden[:-1] @ recurrent[..., None, :, :]
        if bias is not None:
            inner = inner + bias[..., None, None, :]
        inner = np.zeros_like(entering) + inner
        outputs = []
        for x, by_state, slope, carry in zip(steps_first(entering), steps_first(inner), slopes, carried, strict=True):
            by_x, by_inner = blocks(x, 3), blocks(by_state + hidden @ self.kernel, 3)
            hidden = hidden * carry + by_inner[..., 2, :, :] * slope[0] + by_x[..., 2, :, :] * slope[3]
            hidden += ((by_x + by_inner)[..., :2, :, :] * slope[1:3]).sum(axis=-3)
            outputs.append(hidden)
        return outputs, [hidden]

    def entering(self, deltas: np.ndarray) -> np.ndarray:
        return deltas[..., self.hidden.shape[-1] :]

    def _of_kernel(self, deltas):
        return deltas[..., : 3 * self.hidden.shape[-1]]

    def by_kernel(self, gradient: Gradient, deltas: np.ndarray) -> np.ndarray:
        return np.roll(super().by_kernel(gradient, self._of_kernel(deltas)), -self.hidden.shape[-1], axis=-1)

    def by_bias(self, gradient: Gradient, deltas: np.ndarray) -> np.ndarray:
        inner = np.roll(super().by_bias(gradient, self._of_kernel(deltas)), -self.hidden.shape[-1], axis=-1)
        return np.stack([super().by_bias(gradient, self.entering(deltas)), inner], axis=-2)


class ResetBeforeRecurrence(Recurrence):
    """h = z * h_before + (1 - z) * tanh(x + (r * h_before) @ kernel_h): r acts before the product with the kernel.

    The deltas have the blocks z, r and x. Cached: z, r and the candidate tanh(...) `(steps, 3, batch, units)`.
    """

    __slots__ = ()

    def _slopes(self):
        """Of h by z, of r * h_before by r, of h by x, and of h by h one step before; r itself."""
        z, r, candidate = self.cached[0].swapaxes(0, 1)
        by_z = self.masked(sigmoid_slope(z) * (self.hidden[:-1] - candidate))
        by_x = self.masked(tanh_slope(candidate) * (1 - z))
        return by_z, sigmoid_slope(r) * self.hidden[:-1], by_x, self.carried(z), r

    def pull(self, outputs: np.ndarray | None, states: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        (hidden,) = states
        slopes, units = self._slopes(), hidden.shape[-1]
        of_gates, of_x = (np.ascontiguousarray(part.T) for part in np.split(self.kernel, [2 * units], axis=1))
        deltas = empty_steps(hidden, len(slopes[0]), 3 * units)
        gates = steps_first(blocks(deltas, 3), 4)
        for arriving, delta, gate, by_z, by_r, by_x, carry, r in backwards(
            every(outputs, slopes[0]), steps_first(deltas), gates, *slopes
        ):
            if arriving is not None:
                hidden += arriving
            np.multiply(hidden, by_z, out=gate[..., 0, :, :])
            np.multiply(hidden, by_x, out=gate[..., 2, :, :])
            reset = np.matmul(delta[..., 2 * units :], of_x)
            np.multiply(reset, by_r, out=gate[..., 1, :, :])
            hidden *= carry
            hidden += reset * r
            hidden += np.matmul(delta[..., : 2 * units], of_gates)
        return deltas, [hidden]

    def push(
        self, entering: np.ndarray, recurrent: np.ndarray | None, bias: np.ndarray | None, states: Sequence[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        (hidden,) = states
        units = hidden.shape[-1]
        of_gates, of_x = np.split(self.kernel, [2 * units], axis=1)
        if recurrent is not None:
            recurrent = recurrent[..., None, :, :]
            first = self.hidden[:-1] @ recurrent[..., : 2 * units]
            entering = entering + np.concatenate([first, self._reset_hidden() @ recurrent[..., 2 * units :]], axis=-1)
        outputs = []
        for arriving, by_z, by_r, by_x, carry, r in zip(steps_first(entering), *self._slopes(), strict=True):
            gates = blocks(arriving[..., : 2 * units] + hidden @ of_gates, 2)
            x = arriving[..., 2 * units :] + (gates[..., 1, :, :] * by_r + hidden * r) @ of_x
            hidden = hidden * carry + gates[..., 0, :, :] * by_z + x * by_x
            outputs.append(hidden)
        return outputs, [hidden]

    def _reset_hidden(self):
        return self.cached[0][:, 1] * self.hidden[:-1]

    def by_kernel(self, gradient: Gradient, deltas: np.ndarray) -> np.ndarray:
        units = self.hidden.shape[-1]
        of_gates = gradient(self.hidden[:-1], deltas[..., : 2 * units])
        return np.concatenate([of_gates, gradient(self._reset_hidden(), deltas[..., 2 * units :])], axis=-1)
