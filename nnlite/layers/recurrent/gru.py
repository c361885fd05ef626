"""GRU and its cell."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

import numpy as np

from nnlite.jacobians import GRURecurrence, ResetBeforeRecurrence
from nnlite.kernels.reference.dense import SIGMOID, TANH
from nnlite.kernels.reference.recurrent import gates_apart
from nnlite.layers.base.variables import seeds
from nnlite.layers.recurrent import factors
from nnlite.layers.recurrent.cells import GatedWeights, RNNCell, activated, dropped
from nnlite.layers.recurrent.rnn import Recurrent
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.random import RandomSource
from nnlite.registry.fields import FromSpec, option

__all__ = ["GRU", "GRUCell"]

NATIVE = [0, 1, 2]  # z, r, h: the two gates that end in a sigmoid come first


class GRUCell(RNNCell, GatedWeights):
    """One step of a `GRU`, with the gates z, r and the candidate h side by side in kernel and recurrent_kernel.

    Shape: `(batch, features) -> (batch, units)`; kernel `(features, 3 * units)`, recurrent_kernel
    `(units, 3 * units)`, bias `(2, 3 * units)` with reset_after, else `(3 * units,)`.

    Args:
        units: length of the state.
        activation: of the candidate; linear when None.
        recurrent_activation: of the gates; linear when None.
        reset_after: whether the reset gate acts after the product with the recurrent kernel, as in PyTorch, or
            before, as in the paper.
        use_bias, ..., seed: as in `SimpleRNNCell`.

    >>> import numpy as np
    >>> output, states = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape, len(states)
    ((2, 4), 1)
    """

    _drawn_by, implementation = "", 2
    _further_arguments = ("implementation",)  # there is one way to compute
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    get_dropout_mask, reset_dropout_mask = factors.get_dropout_mask, factors.reset_dropout_mask
    get_recurrent_dropout_mask = factors.get_recurrent_dropout_mask
    reset_recurrent_dropout_mask = factors.reset_recurrent_dropout_mask

    recurrent_activation: FromSpec[ActivationFunction | None] = option(default="sigmoid")
    reset_after: bool = field(default=True, kw_only=True)

    def build(self, input_shape: tuple) -> None:
        width = 3 * self.units
        self.add_kernels(input_shape, 3, (2, width) if self.reset_after else (width,))

    def call(self, inputs: Any, states: Any, training: bool = False, random: RandomSource | None = None) -> Any:
        x, hidden = dropped(self, inputs, states[0], training, random)
        entering, units = x @ self.kernel, self.units
        if self.use_bias:
            entering = entering + (self.bias[0] if self.reset_after else self.bias)
        if self.reset_after:
            inner = hidden @ self.recurrent_kernel
            inner = inner + self.bias[1] if self.use_bias else inner
        else:
            inner = hidden @ self.recurrent_kernel[:, : 2 * units]
        z, r = (self._opened(entering[:, part] + inner[:, part]) for part in (slice(0, units), slice(units, 2 * units)))
        last = r * inner[:, 2 * units :] if self.reset_after else (r * hidden) @ self.recurrent_kernel[:, 2 * units :]
        candidate = activated(self, entering[:, 2 * units :] + last)
        output = z * states[0] + (1 - z) * candidate
        return output, (output,)

    def _opened(self, gate):
        return gate if self.recurrent_activation is None else self.recurrent_activation(gate)


class GRU(Recurrent, GatedWeights):
    """Gated recurrent unit: at each step, x = x_t @ kernel + bias[0] and inner = h_{t-1} @ recurrent_kernel + bias[1],

    each in three parts; z, r = sigmoid(x_z + inner_z), sigmoid(x_r + inner_r) and
    h_t = z * h_{t-1} + (1 - z) * tanh(x_h + r * inner_h).

    Without reset_after, (r * h_{t-1}) @ recurrent_kernel_h stands for r * inner_h, and there is one bias.

    Shape: `(batch, steps, features) -> (batch, units)`; see `Recurrent`, also for the further arguments. PyTorch has
    the gates in the order r, z, h. Fastest with the default activations and without recurrent_dropout.

    Args:
        units, activation, ..., seed: as in `GRUCell`.
        return_sequences, ..., unroll: as in `Recurrent`.
        use_cudnn, implementation: accepted for Keras's sake; there is one way to compute.

    Raises:
        ShapeError: inputs of another rank, a mask or first states of the wrong shape.

    Reference: Cho et al. 2014, arXiv:1406.1078.

    >>> import numpy as np
    >>> sequences = np.ones((2, 5, 3))
    >>> GRU(4)(sequences).shape, GRU(4, return_sequences=True)(sequences).shape
    ((2, 4), (2, 5, 4))
    """

    recurrent_activation: FromSpec[ActivationFunction | None] = option(default="sigmoid")
    reset_after: bool = field(default=True, kw_only=True)
    use_cudnn: bool | Literal["auto"] = field(default="auto", kw_only=True)
    implementation: Literal[0, 1, 2] = field(default=2, kw_only=True)

    cell_class = GRUCell

    @property
    def fuses(self) -> bool:
        return kernel_code(self.activation) == TANH and kernel_code(self.recurrent_activation) == SIGMOID

    def scan(
        self, rows: np.ndarray, states: Sequence[np.ndarray], weights: Sequence[np.ndarray], mask: np.ndarray | None
    ) -> Any:
        """All steps, in place: the rows, the hidden states, the last states and their `Recurrence`."""
        rows = np.ascontiguousarray(rows)
        dtype = np.result_type(rows, *weights, *states)
        kernel, recurrent, *bias = (gates_apart(array, 3, NATIVE, 2) for array in weights)
        gates = np.matmul(rows[:, None], kernel).astype(dtype, copy=False)
        if bias:
            gates += bias[0][:, :1]
        hidden = np.empty((len(rows) + 1, *states[0].shape), dtype)
        hidden[0] = states[0]
        skipped = [None] * len(rows) if mask is None else mask == 0
        if not self.reset_after:
            self._reset_before(gates, hidden, recurrent, skipped)
            return rows, hidden, [hidden[-1].copy()], ResetBeforeRecurrence(hidden, weights[1], mask, gates)
        inner = np.empty_like(hidden[1:])
        self._reset_after(gates, hidden, recurrent, bias[0][:, 1:] if bias else None, inner, skipped)
        return rows, hidden, [hidden[-1].copy()], GRURecurrence(hidden, weights[1], mask, gates, inner)

    def _reset_after(self, gates, hidden, recurrent, bias, inner, skipped):
        half, products = gates.real.dtype.type(0.5), np.empty_like(gates[0])
        for gate, sigmoids, z, r, candidate, h, new, kept, skip in zip(
            *(gates, gates[:, :2], *gates.swapaxes(0, 1), hidden, hidden[1:], inner, skipped), strict=False
        ):
            np.matmul(h, recurrent, out=products)
            if bias is not None:
                products += bias
            gate[:2] += products[:2]
            kept[...] = products[2]
            np.tanh(sigmoids, out=sigmoids)
            sigmoids *= half
            sigmoids += half
            candidate += np.multiply(r, kept, out=products[2])
            np.tanh(candidate, out=candidate)
            _mix(z, h, candidate, new, skip)

    def _reset_before(self, gates, hidden, recurrent, skipped):
        half = gates.real.dtype.type(0.5)
        for sigmoids, z, r, candidate, h, new, skip in zip(
            *(gates[:, :2], *gates.swapaxes(0, 1), hidden, hidden[1:], skipped), strict=False
        ):
            sigmoids += np.matmul(h, recurrent[:2])
            np.tanh(sigmoids, out=sigmoids)
            sigmoids *= half
            sigmoids += half
            candidate += np.matmul(r * h, recurrent[2])
            np.tanh(candidate, out=candidate)
            _mix(z, h, candidate, new, skip)


def _mix(z, before, candidate, after, skip):
    """after = z * before + (1 - z) * candidate, or `before` where the step is skipped."""
    np.subtract(before, candidate, out=after)
    after *= z
    after += candidate
    if skip is not None:
        np.copyto(after, before, where=skip)
