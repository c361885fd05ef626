"""Both directions through a sequence."""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from nnlite import ops
from nnlite.errors import ConfigError
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.contract.assigned import pairs_inside
from nnlite.layers.base.contract.input_spec import Described
from nnlite.layers.base.contract.naming import put_inside
from nnlite.layers.base.inputs import variant_for
from nnlite.layers.base.layer import Layer
from nnlite.layers.recurrent.calls import examples_in, first_shape, sequence_call, with_steps_of
from nnlite.layers.recurrent.rnn import Recurrent
from nnlite.parameters import Parameter, each_once
from nnlite.random import RandomSource, child_of
from nnlite.registry.fields import FromSpec, option
from nnlite.registry.modules import given_arguments

__all__ = ["Bidirectional"]


class Bidirectional(Layer):
    """A recurrent layer and its twin on the reversed sequence, with their outputs merged.

    Shape: `(batch, steps, features) -> (batch, units)` or, with the layer's return_sequences, `(batch, steps, units)`
    (2 * units for "concat"). With return_state a tuple: the output, the forward layer's last states, the backward
    layer's. First states go in by `initial_state`, or as `(sequence, *initial_states)`, in the same order.

    Args:
        layer: the forward layer. As in Keras it is a copy that is used, with weights of its own and the name
            `forward_` and what it was: the attribute `forward_layer`.
        merge_mode: how the two outputs become one: "concat" along the features, "sum", "mul", "ave" (the mean), or
            None for a tuple of both.
        backward_layer: the backward layer; None makes one as `layer` that goes the other way, which the attribute is.

    With `return_sequences` the outputs of masked steps are zero, regardless of the layers' own `zero_output_for_mask`.

    Raises:
        ConfigError: two layers of the same direction, or whose outputs differ in kind.

    Reference: Schuster & Paliwal 1997.

    >>> import numpy as np
    >>> from nnlite.layers import LSTM
    >>> x = np.ones((2, 5, 3))
    >>> Bidirectional(LSTM(4))(x).shape, Bidirectional(LSTM(4), merge_mode="sum")(x).shape
    ((2, 8), (2, 4))
    """

    layer: FromSpec[Recurrent]
    merge_mode: Literal["concat", "sum", "mul", "ave", None] = "concat"
    backward_layer: FromSpec[Recurrent | None] = option(default=None)

    supports_masking, _sets_mask = True, True
    takes_several = None

    input_spec = Described(lambda layer: layer.layer.input_spec)

    def validate(self) -> None:
        layer, other = self.layer, self.backward_layer
        stem = str(layer.name).removeprefix("forward_")
        forward = self.layer = _copied(layer, f"forward_{stem}")
        if other is None:
            self._twin = _copied(layer, f"backward_{stem}", go_backwards=not layer.go_backwards)
            self._zero_masked_steps()
            return
        if forward.go_backwards == other.go_backwards:
            raise ConfigError("the two layers must differ in go_backwards", ("Bidirectional", "backward_layer"))
        for name in ("return_sequences", "return_state", "stateful"):
            if getattr(forward, name) != getattr(other, name):
                raise ConfigError(f"the two layers must agree in {name}", ("Bidirectional", "backward_layer"))
        self._twin = other
        self._zero_masked_steps()

    def _keras_arguments(self) -> dict[str, Any]:
        return {**self._arguments(), "backward_layer": self._twin}

    @property
    def forward_layer(self) -> Recurrent:
        """The layer that processes the sequence in order."""
        return self.layer

    @property
    def return_sequences(self) -> bool:
        """Whether the layers return the outputs of all steps."""
        return self.layer.return_sequences

    @property
    def return_state(self) -> bool:
        """Whether the layers return their last states too."""
        return self.layer.return_state

    @property
    def stateful(self) -> bool:
        """Whether the layers keep their states from batch to batch."""
        return self.layer.stateful

    def know_batch(self, size: int | None, by_input: bool = True) -> None:
        for layer in (self.layer, self._twin):
            layer.know_batch(size, by_input)

    def _read_call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None
    ) -> LayerCall:
        return sequence_call(self, sequences, initial_state, mask, training)

    def _as_input(self, inputs: Any) -> Any:
        if not self.built:
            self.know_batch(examples_in(inputs), by_input=False)
        return Layer._as_input(variant_for(self, inputs), inputs)

    def _check_input_shape(self, shape: tuple) -> None:
        super()._check_input_shape(with_steps_of(self, shape))

    def _zero_masked_steps(self):
        """A masked step has no output: the two directions would repeat different ones."""
        for layer in (self.layer, self._twin):
            layer.zero_output_for_mask = layer.return_sequences

    def build(self, input_shape: tuple) -> None:
        several = isinstance(input_shape[0], (tuple, list))
        middle = 1 + len(self.layer.sizes)
        for index, layer in enumerate((self.layer, self._twin)):
            states = input_shape[1:middle] if index == 0 else input_shape[middle:]
            shape = (input_shape[0], *states) if several else input_shape
            layer.dtype = layer._given_dtype or self.dtype
            if not layer.built:
                put_inside(layer, self, str(layer.name))
            layer._ensure_built(shape, child_of(self.random, index))
            self.parameters = each_once([self.parameters, layer.parameters])

    def _check_linearize(self) -> None:
        if not self.layer.stateful:  # the length of a trial batch would not fit
            super()._check_linearize()

    def compute_output_shape(self, input_shape: tuple, initial_state_shape: Any = None) -> tuple:
        shape = first_shape(input_shape)
        shapes = [layer.compute_output_shape(shape) for layer in (self.layer, self._twin)]
        (first, *states), (second, *others) = shapes if self.layer.return_state else [(shape,) for shape in shapes]
        wide = (*first[:-1], first[-1] + second[-1]) if self.merge_mode == "concat" else first
        outputs = [first, second] if self.merge_mode is None else [wide]
        ends = [*outputs, *states, *others]
        return tuple(ends) if len(ends) > 1 else ends[0]

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Run both layers and merge their outputs by `merge_mode`."""
        sequence, *states = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
        middle = len(self.layer.sizes)
        outputs, ends = [], []
        for layer, first_states in ((self.layer, states[:middle]), (self._twin, states[middle:])):
            output = layer((sequence, *first_states) if first_states else sequence, mask=mask)
            output, *last = output if layer.return_state else (output,)
            if layer.go_backwards and layer.return_sequences:
                output = output[:, ::-1]
            outputs.append(output)
            ends += last
        merged = self._merged(*outputs)
        ends = [*merged, *ends]
        return tuple(ends) if len(ends) > 1 else ends[0]

    def _merged(self, forward, backward):
        if self.merge_mode == "concat":
            return (ops.concatenate([forward, backward], axis=-1),)
        if self.merge_mode == "mul":
            return (forward * backward,)
        if self.merge_mode is None:
            return (forward, backward)
        total = forward + backward
        return (total if self.merge_mode == "sum" else total * 0.5,)

    def linearize(
        self,
        inputs: Any,
        *parameters: np.ndarray,
        training: bool = False,
        random: RandomSource | None = None,
        mask: Any = None,
    ) -> tuple[Any, Any]:
        mask = mask[0] if isinstance(mask, tuple) else mask
        output, jacobians = super().linearize(inputs, *parameters, training=training, random=random, mask=mask)
        jacobians.mask = self._drawn_mask(inputs, mask)
        return output, jacobians

    def _drawn_mask(self, inputs: Any, previous_mask: Any) -> Any:
        one = self.layer._drawn_mask(inputs, previous_mask)
        first, *last = one if isinstance(one, tuple) else (one,)
        masks = [*[first] * (1 if self.merge_mode else 2), *last, *last]
        return tuple(masks) if len(masks) > 1 else first

    def _state_pairs(self, state: tuple) -> Iterable[tuple[Parameter, np.ndarray]]:
        return pairs_inside((self.layer, self._twin), state) if state else ()

    def reset_states(self) -> None:
        """Reset the states of stateful layers to zeros."""
        self.layer.reset_states()
        self._twin.reset_states()

    reset_state = reset_states


def _copied(layer: Recurrent, name: str, **changed: Any) -> Recurrent:
    """A layer of the same arguments but those that are changed; its name is given if that of `layer` was."""
    arguments = {argument: value for argument, value in given_arguments(layer).items() if argument != "name"}
    twin = type(layer).from_config({**arguments, **changed})
    if layer._given_name is None:
        twin._made_name = name
    else:
        twin.name = name
    return twin


def reset_states(layer: Layer) -> None:
    """Reset the states of all stateful layers inside a layer to zeros."""
    for inner in inner_layers(layer):
        inner.reset_states() if isinstance(inner, Recurrent) else reset_states(inner)


def _backward_layer(layer: Any) -> Any:
    """The layer that takes the sequence from the end: the one that was given, or a twin of the forward layer."""
    return vars(layer).get("_twin") or vars(layer)["backward_layer"]


def _give_backward_layer(layer: Any, value: Any) -> None:
    vars(layer)["backward_layer"] = value  # which stays None in files


setattr(Bidirectional, "backward_layer", property(_backward_layer, _give_backward_layer))  # noqa: B010
