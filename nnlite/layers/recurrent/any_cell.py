"""RNN, which applies any cell repeatedly."""

from collections.abc import Sequence

from nnlite.layers.base.layer import Layer
from nnlite.layers.recurrent.cells_of_cells import StackedRNNCells, as_cell
from nnlite.layers.recurrent.rnn import Recurrent
from nnlite.registry.fields import Converted, Spec

__all__ = ["RNN"]


class RNNType(type):
    """The class of `RNN`: all recurrent layers are its instances."""

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or (cls is RNN and isinstance(instance, Recurrent))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or (cls is RNN and issubclass(subclass, Recurrent))


class RNN(Recurrent, metaclass=RNNType):
    """Applies a cell to each step of a sequence: output_t, states_t = cell(inputs_t, states_{t-1}).

    The steps are recorded one by one, so that any cell has its derivatives; `SimpleRNN`, `LSTM` and `GRU` are several
    times faster than this with their cells.

    Shape: `(batch, steps, features) -> (batch, units)`; see `Recurrent`, also for the further arguments.

    Args:
        cell: an `RNNCell`, any layer with the attribute `state_size` (a length, or a list of lengths) and the method
            `call(inputs, states)`, which returns `(output, new_states)`, or a list of such cells on top of one another.

    Raises:
        ShapeError: inputs of another rank, a mask or first states of the wrong shape.

    >>> import numpy as np
    >>> from nnlite.layers import GRUCell
    >>> RNN([GRUCell(4), GRUCell(2)], return_sequences=True)(np.ones((3, 5, 1))).shape
    (3, 5, 2)
    """

    cell: Converted[Spec[Layer] | Sequence[Spec[Layer]], Layer | list[Layer]]

    input_spec = None  # the cell decides

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.cell, list):
            self.cell = StackedRNNCells(self.cell)
        self._step = as_cell(self.cell)
