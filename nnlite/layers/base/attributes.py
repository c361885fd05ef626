"""What a layer says about itself: every attribute that others ask a layer for, with its default."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite.ops.activations import ActivationFunction, Linear
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, fresh_seed
from nnlite.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from nnlite.layers.base.symbolic import Symbol

__all__ = []

InputKind = Literal["numbers", "indices", "strings", "categories"]


class LayerAttributes:
    """Base of `Layer` alone; modules that `Layer` is made of know a layer by it.

    Attributes, of a class or of an instance:
        input_kind: what the layer takes, see `read_inputs`: numbers are brought into its dtype.
        _input_kinds: the same for each of several inputs; None where all are numbers.
        takes_several: whether `inputs` is a tuple of arrays; None in a class where what it is built for decides.
        supports_masking: whether the mask of the inputs is that of the outputs too.
        call: the method `call`, where a class writes one.
        infer: the method `infer(inputs)`, where a class writes one: the outputs at inference, with the weights of the
            moment and without Jacobians. Only layers that need and set no mask have it.
        _traced: whether the derivative is recorded from `call`, rather than written in `linearize`.
        _context: which of `training`, `random` and `mask` `linearize` takes by keyword.
        _call_context: the same for `call`.
        ends_in_activation: whether `self.activation` is the last thing that `linearize` applies.
        _final_activation: the activation function that gives the outputs; None where that is not known.
        label, _next_random: how errors call the layer; the random numbers of its next call.
        _moves_on: whether calls outside training store new states, as those of stateful recurrent layers do; None until
            `moves_on` has asked the layers inside.
        _keeps_values: whether the outputs, outside training, are the inputs in the same or in other places.
        _penalizes: whether the loss has a term of the layer's activities: a `Penalized` is among its maps.
        stops_gradient: whether a part of the function counts as a constant, so that numerical derivatives differ.
        schedules: the `LearningRateSchedule`s among its arguments, which `fit` tells how long the training is.
        member_count: how many models the layer is at once; each of its parameters has an axis of them in front.

    Attributes of an instance:
        parameters: in the order in which `linearize` takes them; those of layers inside are among them.
        built: whether there are any, and shapes are known.
        input_shape, output_shape: with None for the batch, tuples of shapes where there are several; None until built.
        name: for display; given by the model when None.
        _calls: how many calls drew random numbers.
        random: where initial values are drawn from; None until built.
        _drawn: the `fingerprint` of its weights, if it was built by being called on a symbol.
        _first: the `fingerprint` of its weights as they were drawn, where `adapt` has yet to fit them to data.
        chain: the program that a model runs; None for a layer that is no model, and for a model that is not built.
        _symbol: the value in a graph that an `Input` stands for; None for other layers.
    """

    input_kind: InputKind = "numbers"
    _input_kinds: list[InputKind] | None = None
    takes_several: bool | None = False
    supports_masking: bool = False
    call: Callable[..., Any] | None = None
    infer: Callable[..., np.ndarray] | None = None
    _traced: bool = False
    _context: tuple[str, ...] = ()
    _call_context: tuple[str, ...] = ()
    ends_in_activation: bool = False
    _moves_on: bool | None = None
    _keeps_values: bool = False
    _penalizes: bool = False
    stops_gradient: bool = False
    schedules: tuple[LearningRateSchedule, ...] = ()

    name: str | None
    parameters: list[Parameter]
    built: bool
    input_shape: Any
    output_shape: Any
    random: RandomSource | None
    _calls: int
    _drawn: tuple | None = None
    _first: tuple | None = None
    chain = cast(Any, None)
    _symbol = cast("Symbol | None", None)

    @property
    def member_count(self) -> int | None:
        """The argument `members`; None for a layer that has no such argument."""
        return vars(self).get("members")

    def _next_random(self) -> RandomSource:
        """The source of this layer's own calls, another one for each."""
        source = self.random = self.random or RandomSource(fresh_seed())
        self._calls += 1
        return RandomSource(source.seed, self._calls, source.place)

    @property
    def label(self) -> str:
        """How errors call this layer: `layer 'dense_1' (Dense)`."""
        return f"layer {self.name!r} ({type(self).__name__})" if self.name else f"layer {type(self).__name__}"

    @property
    def _final_activation(self) -> ActivationFunction | None:
        """The activation function that gives the outputs; None where that is not known."""
        return (vars(self).get("activation") or Linear()) if self.ends_in_activation else None

    if TYPE_CHECKING:

        def adapt(self, data: Any) -> None:
            """Learn from data; layers that have something to learn define it, and are not `adapted` before."""
