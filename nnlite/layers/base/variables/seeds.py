"""The states of generators of random numbers, which are among the variables of layers, and not among their weights."""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.call import inner_layers
from nnlite.layers.base.contract.structure import kept
from nnlite.parameters import Parameter, each_once
from nnlite.random import RandomSource, SeedGenerator, fresh_seed
from nnlite.variables import ScopePlace

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

_states: "WeakKeyDictionary[SeedGenerator, Parameter]" = WeakKeyDictionary()


@functools.cached_property
def seed_generator(self: "Layer") -> SeedGenerator:
    """The generator of calls on arrays; its state is the seed, and the number of draws so far.

    In a model, numbers come from the seed of the model, the place of the layer and the step of training, whatever the
    state of the generator; `fit` leaves that as it is.
    """
    seed, source = vars(self).get("seed"), self.random
    return SeedGenerator(seed if seed is not None else fresh_seed() if source is None else source.seed)


def next_random(self: Any) -> RandomSource:
    """The source of a call on arrays, by which the layer's generator advances."""
    return drawn_source(self, None)


def drawn_source(layer: Any, seed: "SeedGenerator | int | None") -> RandomSource:
    """The next source of the layer's generator, or of another one, which may be given as its seed."""
    source = LayerAttributes._next_random(layer)
    generator = (
        layer.seed_generator if seed is None else seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)
    )
    number, count = map(int, generator.next())
    return RandomSource(number, count + 1, source.place)


def seed_states(layer: "Layer") -> list[Parameter]:
    """The states of the generators that a layer has itself: its own, and those among its attributes."""
    if layer._drawn_by is not None and vars(layer).get(layer._drawn_by, 1) != 0:
        cast(Any, layer).seed_generator  # noqa: B018 - made if it has not been needed before
    return [_state(generator) for generator in kept(layer, SeedGenerator)]


def seed_generators(layer: "Layer") -> list[SeedGenerator]:
    """The generators that a layer has itself, for programs that ask Keras's layers for them."""
    seed_states(layer)
    return kept(layer, SeedGenerator)


def layers_listed(layer: "Layer") -> list["Layer"]:
    """The layers that a layer is made of, for programs that ask Keras's layers for them."""
    return [*_inside(layer)]


def flatten_layers(self: "Layer", include_self: bool = True, recursive: bool = True) -> list["Layer"]:
    """The layer, if `include_self`, and those inside, of which `recursive` says whether theirs follow each."""
    inside = [part for one in _inside(self) for part in (flatten_layers(one) if recursive else [one])]
    return [self, *inside] if include_self else inside


def _state(generator: SeedGenerator) -> Parameter:
    if generator not in _states:
        _states[generator] = Parameter(generator.state.name, generator.state.value, trainable=False)
        _states[generator].place = ScopePlace(generator.name)
    return _states[generator]


def all_seed_states(layer: Any) -> list[Parameter]:
    """The states of the generators of a layer and of those inside."""
    return each_once([seed_states(layer), *map(all_seed_states, _inside(layer))])


def _inside(layer: Any) -> "Sequence[Layer]":
    return [*layer._layers_inside()] or inner_layers(layer)


def variables_of(layer: Any) -> list[Parameter]:
    """The weights of a layer and of those inside, each layer's followed by the states of its generators."""
    declared = set(map(id, layer._declared))
    groups = map(variables_of, _inside(layer))
    owned = [weight for weight in layer.weights if id(weight) in declared]
    return each_once([owned, seed_states(layer), *groups, layer.weights])
