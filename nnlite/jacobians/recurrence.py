"""How the states of recurrent cells change with what enters their gates: linear recurrences over time."""

import numpy as np

__all__ = ["LSTMRecurrence", "Recurrence", "SimpleRecurrence"]

PART = 2**17  # numbers in the slopes of one part of the steps


class Recurrence:
    """The derivative of all states by what enters the gates, and by the states before the first step.

    A subclass keeps what the forward pass computed and writes `pull`, the recurrence backwards in time, and `push`,
    the same forwards. Arrays are `(*lead, steps, batch, ...)`, where `lead` is `()` or `(seeds,)`; `deltas` is the
    derivative by what enters the gates, before their activation.

    Args:
        hidden: the hidden states, the first one first, `(steps + 1, batch, units)`.
        kernel: the recurrent kernel.
        mask: 1 where a step counts, else 0, `(steps, batch, 1)`; None for all. A masked step keeps the states.
        cached: further arrays of the forward pass.
    """

    __slots__ = ("cached", "hidden", "kernel", "mask")

    states = 1  # how many arrays the state has

    def __init__(self, hidden, kernel, mask, *cached):
        self.hidden = hidden
        self.kernel = kernel
        self.mask = mask
        self.cached = cached

    def pull(self, outputs, states):
        """The deltas and the derivatives by the first states.

        Args:
            outputs: derivative by the hidden state after each step, `(steps, *lead, batch, units)` or None.
            states: derivatives by the last states, arrays that may be written to.
        """
        raise NotImplementedError

    def push(self, entering, recurrent, bias, states):
        """The tangents of the hidden states, a list, and of the last states.

        Args:
            entering: tangent of what the inputs bring to the gates, biases included, `(*lead, steps, batch, ...)`.
            recurrent: tangent of the recurrent kernel, or None.
            bias: tangent of a second bias, or None.
            states: tangents of the first states.
        """
        raise NotImplementedError

    def entering(self, deltas):
        """The part of the deltas that belongs to what the inputs bring."""
        return deltas

    def by_kernel(self, gradient, deltas):
        """Derivative by the recurrent kernel; `gradient(rows, deltas)` is that of `rows @ kernel`."""
        return gradient(self.hidden[:-1], deltas)

    def by_bias(self, gradient, deltas):
        """Derivative by the bias."""
        return gradient(np.ones((*self.hidden[1:].shape[:2], 1), deltas.dtype), deltas)[..., 0, :]

    def masked(self, slopes):
        """`slopes`, 0 at masked steps."""
        return slopes if self.mask is None else slopes * self.mask

    def carried(self, slopes):
        """`slopes` of a state by itself one step before: 1 at masked steps."""
        return slopes if self.mask is None else slopes * self.mask + (1 - self.mask)

    def stored(self):
        """The arrays that this recurrence keeps."""
        yield from (self.hidden, self.kernel, *self.cached)


class SimpleRecurrence(Recurrence):
    """h = tanh(z), z = entering + h_before @ kernel: deltas = g * (1 - h ** 2)."""

    __slots__ = ()

    def _skipped(self):
        return [None] * (len(self.hidden) - 1) if self.mask is None else 1 - self.mask

    def pull(self, outputs, states):
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

    def push(self, entering, recurrent, bias, states):
        (hidden,) = states
        if recurrent is not None:
            entering = entering + self.hidden[:-1] @ recurrent[..., None, :, :]
        found = []
        slopes = self.masked(tanh_slope(self.hidden[1:]))
        for arriving, slope, skip in zip(steps_first(entering), slopes, self._skipped(), strict=True):
            kept = 0 if skip is None else hidden * skip
            hidden = (arriving + hidden @ self.kernel) * slope + kept
            found.append(hidden)
        return found, [hidden]


class LSTMRecurrence(Recurrence):
    """c = f * c_before + i * g, h = o * tanh(c), where i, f, g, o are functions of entering + h_before @ kernel.

    With g_c the derivative by c: deltas of i, f and g are g_c times their slopes, that of o is g_h * tanh(c) * o'.
    Cached: the gates o, i, f, g `(steps, 4, batch, units)`, the cells from the first on, tanh of the later ones.
    """

    __slots__ = ()

    states = 2

    def _slopes(self, part=slice(None)):
        """Of i, f, g and o as one array; of h by c; of c by the one before; what a masked step keeps of h."""
        gates, cells, squashed = self.cached[0][part], self.cached[1][:-1][part], self.cached[2][part]
        hidden, slopes = self.hidden[1:][part], np.empty_like(gates)
        o, i, f, g = gates.swapaxes(0, 1)
        by_i, by_f, by_g, by_o = slopes.swapaxes(0, 1)
        entering = i * g
        np.multiply(entering, 1 - i, out=by_i)
        np.multiply(f * cells, 1 - f, out=by_f)
        np.subtract(i, entering * g, out=by_g)
        np.multiply(hidden, 1 - o, out=by_o)
        by_cell = o - hidden * squashed
        if self.mask is None:
            return slopes, by_cell, f, [None] * len(f)
        mask = self.mask[part]
        return slopes * mask[:, None], by_cell * mask, f * mask + (1 - mask), 1 - mask

    def pull(self, outputs, states):
        hidden, cell = states
        wide, back = cell[..., None, :, :], np.ascontiguousarray(self.kernel.T)
        deltas = empty_steps(hidden, len(self.hidden) - 1, 4 * hidden.shape[-1])
        flat, gates = steps_first(deltas), steps_first(blocks(deltas, 4), 4)
        arrays = every(outputs, flat), flat, gates[..., :3, :, :], gates[..., 3, :, :]
        for part in parts_of(flat):
            slopes, *rest = self._slopes(part)
            for arriving, delta, of_cell, of_output, by_gate, by_o, by_c, f, skip in backwards(
                *(array[part] for array in arrays), slopes[:, :3], slopes[:, 3], *rest
            ):
                if arriving is not None:
                    hidden += arriving
                np.multiply(hidden, by_o, out=of_output)
                kept = None if skip is None else hidden * skip
                hidden *= by_c
                cell += hidden
                np.multiply(wide, by_gate, out=of_cell)
                cell *= f
                np.matmul(delta, back, out=hidden)
                if kept is not None:
                    hidden += kept
        return deltas, [hidden, cell]

    def push(self, entering, recurrent, bias, states):
        hidden, cell = states
        if recurrent is not None:
            entering = entering + self.hidden[:-1] @ recurrent[..., None, :, :]
        found = []
        for arriving, by_gate, by_c, f, skip in zip(steps_first(entering), *self._slopes(), strict=True):
            kept = 0 if skip is None else hidden * skip
            gates = blocks(arriving + hidden @ self.kernel, 4) * by_gate
            cell = cell * f + gates[..., :3, :, :].sum(axis=-3)
            hidden = cell * by_c + gates[..., 3, :, :] + kept
            found.append(hidden)
        return found, [hidden, cell]


def tanh_slope(y):
    """dy/dx of y = tanh(x)."""
    slopes = np.multiply(y, y)
    return np.subtract(1, slopes, out=slopes)


def sigmoid_slope(y):
    """dy/dx of y = sigmoid(x)."""
    slopes = np.subtract(1, y)
    slopes *= y
    return slopes


def blocks(array, count):
    """`(..., batch, count * units)` as a view `(..., count, batch, units)`."""
    return array.reshape(*array.shape[:-1], count, array.shape[-1] // count).swapaxes(-2, -3)


def steps_first(array, rank=3):
    """The axis of the steps, the first of the last `rank`, moved before all others."""
    return np.moveaxis(array, -rank, 0)


def empty_steps(state, steps, width):
    """Room for deltas of `state`, `(*lead, steps, batch, width)`."""
    return np.empty((*state.shape[:-2], steps, state.shape[-2], width), state.dtype)


def every(outputs, steps):
    """`outputs`, or None once per step."""
    return [None] * len(steps) if outputs is None else outputs


def parts_of(steps):
    """Slices of consecutive steps, the last ones first, so small that their slopes stay in the cache."""
    size = max(1, PART // steps[0].size)
    return [slice(start, start + size) for start in reversed(range(0, len(steps), size))]


def backwards(*arrays):
    """The steps of all arrays together, last one first."""
    return zip(*(array[::-1] for array in arrays), strict=True)
