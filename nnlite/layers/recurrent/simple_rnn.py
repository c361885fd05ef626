"""SimpleRNN and its cell."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.jacobians import SimpleRecurrence
from nnlite.kernels.reference.dense import TANH
from nnlite.layers.base.variables import seeds
from nnlite.layers.recurrent import factors
from nnlite.layers.recurrent.cells import GatedWeights, RNNCell, activated, dropped
from nnlite.layers.recurrent.rnn import Recurrent
from nnlite.ops.activations import kernel_code
from nnlite.random import RandomSource

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNNCell(RNNCell, GatedWeights):
    """One step of a `SimpleRNN`: new_state = output = activation(inputs @ kernel + state @ recurrent_kernel + bias).

    Shape: `(batch, features) -> (batch, units)`; kernel `(features, units)`, recurrent_kernel `(units, units)`, bias
    `(units,)`.

    Args:
        units: length of the state.
        activation: an activation function or its name; linear when None.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: initial values; an orthogonal recurrent kernel
            keeps the length of the state.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalty added to the loss.
        kernel_constraint, recurrent_constraint, bias_constraint: what training brings the values back to.
        dropout: fraction of the inputs that is dropped while training, the same ones at all steps of a sequence.
        recurrent_dropout: the same for the state.
        seed: draws dropout from a stream of its own instead of the model's.

    >>> import numpy as np
    >>> cell = SimpleRNNCell(1, activation=None, kernel_initializer="ones", recurrent_initializer="ones")
    >>> output, states = cell(np.array([[2.0]]), [np.array([[10.0]])])
    >>> output.tolist()
    [[12.0]]
    """

    _drawn_by = ""
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    get_dropout_mask, reset_dropout_mask = factors.get_dropout_mask, factors.reset_dropout_mask
    get_recurrent_dropout_mask = factors.get_recurrent_dropout_mask
    reset_recurrent_dropout_mask = factors.reset_recurrent_dropout_mask

    def build(self, input_shape: tuple) -> None:
        self.add_kernels(input_shape, 1, (self.units,))

    def call(self, inputs: Any, states, training: bool = False, random: RandomSource | None = None) -> Any:
        x, hidden = dropped(self, inputs, states[0], training, random)
        z = x @ self.kernel + hidden @ self.recurrent_kernel
        output = activated(self, z + self.bias if self.use_bias else z)
        return output, (output,)


class SimpleRNN(Recurrent, GatedWeights):
    """h_t = activation(x_t @ kernel + h_{t-1} @ recurrent_kernel + bias) at each step; the output is h.

    Shape: `(batch, steps, features) -> (batch, units)`; see `Recurrent`, also for the further arguments. PyTorch's
    RNN has two biases, whose sum is this one.

    Args:
        units, activation, ..., seed: as in `SimpleRNNCell`.
        return_sequences, ..., unroll: as in `Recurrent`.

    Raises:
        ShapeError: inputs of another rank, a mask or first states of the wrong shape.

    Reference: Elman 1990, "Finding structure in time".

    >>> import numpy as np
    >>> layer = SimpleRNN(1, activation=None, kernel_initializer="ones", recurrent_initializer="ones")
    >>> layer(np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)).tolist()  # the sum of the steps
    [[6.0]]
    """

    cell_class = SimpleRNNCell

    @property
    def fuses(self) -> bool:
        return kernel_code(self.activation) == TANH

    def scan(
        self, rows: np.ndarray, states: Sequence[np.ndarray], weights: Sequence[np.ndarray], mask: np.ndarray | None
    ) -> Any:
        """All steps, in place: the rows, the hidden states, the last states and their `SimpleRecurrence`."""
        rows = np.ascontiguousarray(rows)
        kernel, recurrent, *bias = weights
        entering = np.matmul(rows, kernel).astype(np.result_type(rows, *weights, *states), copy=False)
        if bias:
            entering += bias[0]
        hidden = np.empty((len(rows) + 1, *states[0].shape), entering.dtype)
        hidden[0] = states[0]
        for index, (before, z, after) in enumerate(zip(hidden, entering, hidden[1:], strict=False)):
            np.matmul(before, recurrent, out=after)
            after += z
            np.tanh(after, out=after)
            if mask is not None:
                np.copyto(after, before, where=mask[index] == 0)
        return rows, hidden, [hidden[-1].copy()], SimpleRecurrence(hidden, recurrent, mask)
