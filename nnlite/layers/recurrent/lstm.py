"""LSTM and its cell."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

import numpy as np

from nnlite import kernels, ops
from nnlite.jacobians import LSTMRecurrence
from nnlite.kernels.reference.dense import SIGMOID, TANH
from nnlite.layers.base.variables import seeds
from nnlite.layers.recurrent import factors
from nnlite.layers.recurrent.cells import GatedWeights, RNNCell, activated, dropped
from nnlite.layers.recurrent.rnn import Recurrent
from nnlite.ops.activations import ActivationFunction, kernel_code
from nnlite.random import RandomSource
from nnlite.registry.fields import FromSpec, option

__all__ = ["LSTM", "LSTMCell"]


class LSTMCell(RNNCell, GatedWeights):
    """One step of an `LSTM`, with the gates i, f, c, o side by side in kernel, recurrent_kernel and bias.

    Shape: `(batch, features) -> (batch, units)`; kernel `(features, 4 * units)`, recurrent_kernel
    `(units, 4 * units)`, bias `(4 * units,)`; two states `(batch, units)`: the output and the cell.

    Args:
        units: length of each state.
        activation: of candidates and cells; linear when None.
        recurrent_activation: of the gates; linear when None.
        unit_forget_bias: whether the bias of the forget gate begins at 1, so that cells remember at first.
        use_bias, ..., seed: as in `SimpleRNNCell`.

    >>> import numpy as np
    >>> output, (hidden, carry) = LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> output.shape, hidden.shape, carry.shape
    ((2, 4), (2, 4), (2, 4))
    """

    _drawn_by, implementation = "", 2
    _further_arguments = ("implementation",)  # there is one way to compute
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    get_dropout_mask, reset_dropout_mask = factors.get_dropout_mask, factors.reset_dropout_mask
    get_recurrent_dropout_mask = factors.get_recurrent_dropout_mask
    reset_recurrent_dropout_mask = factors.reset_recurrent_dropout_mask

    recurrent_activation: FromSpec[ActivationFunction | None] = option(default="sigmoid")
    unit_forget_bias: bool = field(default=True, kw_only=True)

    @property
    def state_size(self) -> list[int]:
        """Lengths of the hidden state and the carry."""
        return [self.units, self.units]

    def build(self, input_shape: tuple) -> None:
        self.add_kernels(input_shape, 4, (4 * self.units,))
        if self.use_bias and self.unit_forget_bias:
            self.bias.value[self.units : 2 * self.units] = 1

    def call(self, inputs: Any, states: Any, training: bool = False, random: RandomSource | None = None) -> Any:
        x, hidden = dropped(self, inputs, states[0], training, random)
        z = x @ self.kernel + hidden @ self.recurrent_kernel
        i, f, c, o = ops.split(z + self.bias if self.use_bias else z, 4, axis=-1)
        opened = [gate if self.recurrent_activation is None else self.recurrent_activation(gate) for gate in (i, f, o)]
        cell = opened[1] * states[1] + opened[0] * activated(self, c)
        output = opened[2] * activated(self, cell)
        return output, (output, cell)


class LSTM(Recurrent, GatedWeights):
    """Long short-term memory: at each step, with z = x_t @ kernel + h_{t-1} @ recurrent_kernel + bias in four parts,

    i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o); c_t = f * c_{t-1} + i * tanh(z_c); h_t = o * tanh(c_t).

    Shape: `(batch, steps, features) -> (batch, units)`; see `Recurrent`, also for further arguments. The states
    are h and c. PyTorch has the same order of gates, transposed kernels, and two biases whose sum is this one.
    It is fastest with the default activations and without recurrent_dropout.

    Args:
        units, activation, ..., seed: as in `LSTMCell`.
        return_sequences, ..., unroll: as in `Recurrent`.
        use_cudnn, implementation: accepted for Keras's sake; there is one way to compute.

    Raises:
        ShapeError: inputs of the wrong rank, or a mask or initial states of the wrong shape.

    Reference: Hochreiter & Schmidhuber 1997; Gers et al. 2000 (forget gate).

    >>> import numpy as np
    >>> LSTM(4).forward(np.ones((2, 5, 3))).shape
    (2, 4)
    """

    recurrent_activation: FromSpec[ActivationFunction | None] = option(default="sigmoid")
    unit_forget_bias: bool = field(default=True, kw_only=True)
    use_cudnn: bool | Literal["auto"] = field(default="auto", kw_only=True)
    implementation: Literal[0, 1, 2] = field(default=2, kw_only=True)

    cell_class = LSTMCell
    _kernel_gain = 8

    @property
    def fuses(self) -> bool:
        return kernel_code(self.activation) == TANH and kernel_code(self.recurrent_activation) == SIGMOID

    def scan(
        self, rows: np.ndarray, states: Sequence[np.ndarray], weights: Sequence[np.ndarray], mask: np.ndarray | None
    ) -> Any:
        """All steps: the rows, the hidden states, the last states and their `LSTMRecurrence`."""
        kernel, recurrent, *bias = weights
        hidden, cell = states
        run = kernels.lstm_run(rows, hidden, cell, kernel, recurrent, bias[0] if bias else None, mask)
        (joined, cells, *_), units = run, len(recurrent)
        hidden, rows = joined[..., :units], joined[:-1, :, units : units + rows.shape[-1]]
        return rows, hidden, [hidden[-1].copy(), cells[-1].copy()], LSTMRecurrence(hidden, recurrent, mask, *run)
