"""Calls of recurrent layers, in Keras's forms: with initial states next to the sequence."""

from collections.abc import Iterator
from typing import Any

from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.symbolic import symbols_of
from nnlite.parameters import Parameter

__all__ = []


def sequence_call(
    layer: Any, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None
) -> LayerCall:
    """A call of a layer on a sequence and, if given, the initial states.

    Args:
        layer: which is called.
        sequences: the sequence, or the tuple `(sequence, *initial_states)`.
        initial_state: the states before the first step, one or a list, nested as `return_state` returns them; zeros
            when None, or what a stateful layer keeps.
        mask: which steps count, `(batch, steps)`.
        training: whether dropout drops.
    """
    first = sequences[0] if isinstance(sequences, (tuple, list)) else sequences
    symbol = symbols_of(first)
    if symbol is not None and not layer.built:
        layer.know_batch(symbol.shape[0])
    if initial_state is None:
        return LayerCall(layer, sequences, training, mask)
    return LayerCall(layer, (first, *flat(initial_state)), training, mask)


def with_steps_of(layer: Any, shape: tuple) -> tuple:
    """`shape`, or the shapes, of inputs with the number of steps that the layer was built for, which may vary."""
    several = isinstance(shape[0], (tuple, list))
    built = layer.input_shape[0] if layer.takes_several else layer.input_shape
    sequence = shape[0] if several else shape
    free = (*sequence[:1], built[1], *sequence[2:]) if len(sequence) == len(built) else sequence
    return (free, *shape[1:]) if several else free


def first_shape(input_shape: Any) -> tuple:
    """The shape of the sequence among the shapes of it and of initial states."""
    return input_shape[0] if isinstance(input_shape[0], (tuple, list)) else input_shape


def examples_in(inputs: Any) -> int:
    """Number of examples in a sequence, or in a tuple of it and states."""
    first = inputs[0] if isinstance(inputs, tuple) else inputs
    return first.shape[0] if isinstance(first, Parameter) else len(first)


def flat(states: Any) -> Iterator[Any]:
    """The states as a flat list, from nested lists and tuples."""
    if isinstance(states, (list, tuple)):
        for state in states:
            yield from flat(state)
    else:
        yield states
