"""LSTM with convolutions in place of matrix products."""

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite import ops
from nnlite.config import floatx
from nnlite.constraints import Constraint
from nnlite.initializers import Initializer
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.spatial import Sizes, sizes_as_given, sizes_of_axes
from nnlite.layers.base.variables import seeds
from nnlite.layers.convolution.conv import Conv1D, Conv2D, Conv3D
from nnlite.layers.recurrent import factors
from nnlite.layers.recurrent.cells import RNNCell, activated, add_gates, dropped
from nnlite.layers.recurrent.rnn import Recurrent
from nnlite.ops.activations import ActivationFunction
from nnlite.parameters import Parameter
from nnlite.random import RandomSource
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.fields import FromSpec, option
from nnlite.regularizers import Regularizer

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]

CONVOLUTIONS: tuple[type[Any], ...] = (Conv1D, Conv2D, Conv3D)


class ConvGates(Layer, abstract=True):
    """The arguments that `ConvLSTM1D` to `ConvLSTM3D` and their cell share."""

    filters: Count
    kernel_size: Sizes
    strides: Sizes = option(default=1)
    padding: Literal["valid", "same"] = "valid"
    data_format: Literal["channels_last", "channels_first"] | None = None
    dilation_rate: Sizes = option(default=1)
    activation: FromSpec[ActivationFunction | None] = option(default="tanh")
    recurrent_activation: FromSpec[ActivationFunction | None] = option(default="sigmoid")
    use_bias: bool = field(default=True, kw_only=True)
    kernel_initializer: FromSpec[Initializer] = option(default="glorot_uniform", kw_only=True)
    recurrent_initializer: FromSpec[Initializer] = option(default="orthogonal", kw_only=True)
    bias_initializer: FromSpec[Initializer] = option(default="zeros", kw_only=True)
    kernel_regularizer: FromSpec[Regularizer | None] = option(default=None, kw_only=True)
    recurrent_regularizer: FromSpec[Regularizer | None] = option(default=None, kw_only=True)
    bias_regularizer: FromSpec[Regularizer | None] = option(default=None, kw_only=True)
    kernel_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    recurrent_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    bias_constraint: FromSpec[Constraint | None] = option(default=None, kw_only=True)
    dropout: BelowOne = field(default=0.0, kw_only=True)
    recurrent_dropout: BelowOne = field(default=0.0, kw_only=True)
    seed: Index | None = field(default=None, kw_only=True)
    unit_forget_bias: bool = field(default=True, kw_only=True)

    rank = 0

    def validate(self) -> None:
        vars(self).update(sizes_of_axes(vars(self), self.rank))

    def _arguments(self) -> dict[str, Any]:
        return sizes_as_given(super()._arguments())

    def _keras_arguments(self) -> dict[str, Any]:
        return sizes_of_axes(super()._keras_arguments(), self.rank)


class ConvLSTMCell(RNNCell, ConvGates, abstract=True):
    """One step of a `ConvLSTM2D`, or of its variants over other numbers of axes.

    Args:
        rank: how many axes the windows slide over.
        filters, ..., unit_forget_bias: as in `ConvLSTM2D`.
    """

    _drawn_by = ""
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    get_dropout_mask, reset_dropout_mask = factors.get_dropout_mask, factors.reset_dropout_mask
    get_recurrent_dropout_mask = factors.get_recurrent_dropout_mask
    reset_recurrent_dropout_mask = factors.reset_recurrent_dropout_mask

    rank: Count = field(default=2, kw_only=True)

    if TYPE_CHECKING:  # declared by `add_gates`
        kernel, recurrent_kernel, bias = cast(Any, None), cast(Any, None), cast(Any, None)

    def validate(self) -> None:
        super().validate()
        make, width = CONVOLUTIONS[self.rank - 1], 4 * self.filters
        form = {"data_format": self.data_format, "use_bias": self.use_bias}
        self._entering = make(
            width, self.kernel_size, self.strides, self.padding, dilation_rate=self.dilation_rate, **form
        )
        self._inner = make(width, self.kernel_size, padding="same", **{**form, "use_bias": False})

    @property
    def state_size(self) -> list[int]:
        """Number of channels of each of the two states."""
        return [self.filters, self.filters]

    @property
    def channel_axis(self) -> int:
        """The axis of the channels, in an array with a batch."""
        return 1 if self._entering.channels_first else -1

    def step_shapes(self, input_shape: tuple) -> tuple[tuple[int, ...], ...]:
        shape = list(self._entering.compute_output_shape((None, *input_shape)))
        shape[self.channel_axis] = self.filters
        return (tuple(shape[1:]),) * 3

    def first_states(self, batch_size: int, step_shape: tuple[int, ...]) -> list[np.ndarray]:
        return [np.zeros((batch_size, *shape), self.dtype or floatx()) for shape in self.step_shapes(step_shape)[1:]]

    def get_initial_state(self, batch_size: int) -> list[np.ndarray]:
        return self.first_states(batch_size, self.input_shape[1:])

    def begin(self, states: Sequence[Parameter]) -> None:
        """Leave the zeros."""

    def build(self, input_shape: tuple) -> None:
        channels, width = self._entering.channels_of(input_shape), 4 * self.filters
        size = self._entering.per_axis("kernel_size")
        add_gates(self, (*size, channels, width), (*size, self.filters, width), (width,))
        if self.use_bias and self.unit_forget_bias:
            self.bias.value[self.filters : 2 * self.filters] = 1
        kernel, recurrent, *bias = self.parameters
        state_shape = self.step_shapes(input_shape[1:])[1]
        self._give(self._entering, [kernel, *bias], input_shape)
        self._give(self._inner, [recurrent], (None, *state_shape))

    def _build_whole(self) -> None:
        Layer._build_whole(self)  # the convolutions have their kernels already

    def _give(self, convolution, parameters, input_shape):
        convolution.parameters, convolution.dtype = parameters, self.dtype
        convolution._build_done = True
        convolution._ensure_built(input_shape)

    def call(self, inputs: Any, states: Any, training: bool = False, random: RandomSource | None = None) -> Any:
        x, hidden = dropped(self, inputs, states[0], training, random)
        z = self._entering(x) + self._inner(hidden)
        i, f, c, o = ops.split(z, 4, axis=self.channel_axis)
        opened = [gate if self.recurrent_activation is None else self.recurrent_activation(gate) for gate in (i, f, o)]
        cell = opened[1] * states[1] + opened[0] * activated(self, c)
        output = opened[2] * activated(self, cell)
        return output, (output, cell)


class ConvLSTM1D(Recurrent, ConvGates):
    """`ConvLSTM2D` for sequences of sequences: `(batch, steps, rows, channels) -> (batch, new_rows, filters)`.

    >>> import numpy as np
    >>> ConvLSTM1D(4, 3, padding="same")(np.ones((2, 5, 8, 3))).shape
    (2, 8, 4)
    """

    rank, input_rank, cell_class = 1, 4, ConvLSTMCell


class ConvLSTM2D(Recurrent, ConvGates):
    """A convolutional `LSTM`: at each step, with z = kernel * x_t + recurrent_kernel * h_{t-1} + bias in four parts,

    i, f, o = sigmoid(z_i), sigmoid(z_f), sigmoid(z_o); c_t = f * c_{t-1} + i * tanh(z_c); h_t = o * tanh(c_t), where *
    is the cross-correlation of `Conv2D` before z, and the product of numbers after it.

    Shape: `(batch, steps, rows, cols, channels) -> (batch, new_rows, new_cols, filters)`, with return_sequences
    `(batch, steps, new_rows, new_cols, filters)`, with return_state a tuple: the output, h and c. Kernel
    `(*kernel_size, channels, 4 * filters)`, recurrent_kernel `(*kernel_size, filters, 4 * filters)`, bias
    `(4 * filters,)`, with the gates i, f, c, o side by side.

    Args:
        filters: channels of the output and of both states.
        kernel_size: cells that a window covers, one number or one for each axis.
        strides, padding, dilation_rate: how windows lie on the inputs, as in `Conv2D`; the state keeps its shape.
        data_format: "channels_last", also for None, or "channels_first".
        activation: of candidates and cells; linear when None.
        recurrent_activation: of the gates; linear when None.
        unit_forget_bias: whether the bias of the forget gate begins at 1.
        use_bias, ..., seed: as in `LSTM`.
        return_sequences, ..., unroll: as in `Recurrent`.

    Raises:
        ShapeError: inputs of another rank, a window larger than the image, states or a mask of the wrong shape.

    Reference: Shi et al. 2015, arXiv:1506.04214.

    >>> import numpy as np
    >>> ConvLSTM2D(4, 3, padding="same")(np.ones((2, 5, 8, 8, 3))).shape
    (2, 8, 8, 4)
    """

    rank, input_rank, cell_class = 2, 5, ConvLSTMCell


class ConvLSTM3D(Recurrent, ConvGates):
    """`ConvLSTM2D` for volumes: `(batch, steps, depth, rows, cols, channels) -> (batch, ..., filters)`.

    >>> import numpy as np
    >>> ConvLSTM3D(4, 3, padding="same")(np.ones((1, 2, 4, 4, 4, 1))).shape
    (1, 4, 4, 4, 4)
    """

    rank, input_rank, cell_class = 3, 6, ConvLSTMCell
