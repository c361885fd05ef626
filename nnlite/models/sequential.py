"""Sequential, a chain of layers that can be trained, saved and loaded."""

import contextlib
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, cast

from nnlite.config import FLOAT_TYPES, floatx
from nnlite.errors import ConfigError, NotReadyError
from nnlite.layers import Input, Layer, Program
from nnlite.layers.base.contract.arguments import in_form, keyed_shape
from nnlite.layers.base.contract.first_use import as_drawn
from nnlite.layers.base.contract.keras_config import is_for_files
from nnlite.layers.base.contract.naming import inside
from nnlite.layers.base.contract.structure import leaves_of
from nnlite.layers.base.shapes import shapes_in
from nnlite.layers.base.symbolic import CONTAINERS
from nnlite.layers.base.variables.holders import hold
from nnlite.layers.composite.graph import in_line
from nnlite.losses import Loss
from nnlite.models.base import BaseModel
from nnlite.models.copying.surface import ListedAnew, chain_config, first_input, first_symbols
from nnlite.models.drawn import reading
from nnlite.models.drawn.drawing import free_name
from nnlite.models.drawn.ends import ends_of_chain, form_of_outputs, told_shape
from nnlite.models.drawn.recorded import CallsInTurn, program_of_chain, record_call
from nnlite.ops import ActivationFunction
from nnlite.parameters import each_once
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry import constructor_parameters
from nnlite.registry.bounds import Index
from nnlite.registry.fields import FromSpecs, Settled, Spec, option
from nnlite.registry.names import custom_object_scope


class Sequential(BaseModel):
    """A chain of layers. It is a layer itself, so models can contain models.

    Args:
        layers: the layers in order. With an `Input` first the model is built at once, otherwise by the first data.
        seed: determines initial weights, shuffling, splits and dropout; if None, drawn and kept in `model.seed`.
        name: for display.

    Raises:
        ConfigError: two layers have one name.

    >>> import numpy as np
    >>> from nnlite.layers import Dense, Input
    >>> model = Sequential([Input((2,)), Dense(8, activation="tanh"), Dense(1)], seed=0)
    >>> model.compile(optimizer={"Adam": {"learning_rate": 0.03}}, loss="mse")
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> history = model.fit(x, [0, 1, 1, 0], epochs=300, verbose=0)
    >>> (model.predict(x, verbose=0) > 0.5).ravel().tolist()
    [False, True, True, False]
    """

    layers: FromSpecs[Layer] = option(default_factory=list)
    seed: Settled[Index] = option(default=None, kw_only=True)

    call = cast(Any, CallsInTurn(BaseModel.linearize))  # for the `call` of a subclass, which is recorded
    # The number of examples that `build` or the first call states; the symbols of input and output, once asked for.
    _batch, _ends, _stated_ends = cast("int | None", None), cast("tuple[Any, Any] | None", None), ends_of_chain

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        record_call(cls)

    def __post_init__(self):
        vars(self)["layers"] = [] if self.layers is None else self.layers
        super().__post_init__()
        self._draws_seed, self.seed = self.seed is None, fresh_seed() if self.seed is None else self.seed
        self.chain: Any = None
        self._given_shape = cast("tuple | None", None)
        self._begin: Any = None  # the symbol of the `Input`; this itself would be among the layers inside
        layers, vars(self)["layers"] = self.layers, []
        names, least = {}, {}
        for layer in layers:
            self._take(len(self.layers), layer, names, least)
        if self.layers:
            self._rebuild()
        for first in self.layers[:1]:
            if not self.built and isinstance(first, BaseModel) and first.built:
                self._build_so_far(reading.shape_as_given(first))

    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Append a layer, and build at once unless `rebuild=False`; an `Input` sets the shape of the data instead."""
        self._check_free()
        self._take(count := len(self.layers), layer)
        if len(self.layers) > count:
            self._rebuild_with(count, rebuild)

    def _insert(self, position: int, layer: Layer) -> None:
        """Put a layer before the one at `position`, or at the end; existing weights stay as they are."""
        self._take(position, layer)
        self._rebuild_with(position)

    def _take(
        self,
        position: int,
        layer: Spec[Layer],
        names: dict[str | None, Layer] | None = None,
        least: dict[str, int] | None = None,
    ) -> None:
        """Note a layer, named, or the shape that an `Input` states; what is built follows.

        Args:
            position: in the list of layers.
            layer: what is noted.
            names: the layers that are present by their names, to which it is added; those of the list when None.
            least: numbers of names that are taken, see `free_name`.
        """
        names = {present.name: present for present in self.layers} if names is None else names
        layer = Layer.get(layer)
        if isinstance(layer, Input):
            if self.layers or self._given_shape:
                raise ConfigError("Input must come first")
            self._begin, self._given_shape = layer._symbol, tuple(layer.batch_shape)
            return
        if not self.layers and not self._given_shape:
            self._given_shape = layer._stated_shape
        if layer is self:
            raise ConfigError(f"{layer.label} cannot be a layer of itself")
        if names.get(layer._given_name, layer) is not layer:
            raise ConfigError(f"there is a layer named {layer.name!r} already; names must be unique")
        if layer._given_name is None:
            layer.name = free_name(layer, names, least)
        names[layer.name] = layer
        vars(self)["layers"].insert(position, layer)

    def _rebuild_with(self, position: int, at_once: bool = True) -> None:
        """Build again with the layer that is new at `position`; without it, where it does not fit."""
        try:
            self._rebuild(at_once)
        except Exception:
            del vars(self)["layers"][position]  # the model stays as it was
            self._rebuild()
            raise

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove and return the last layer; the others are built again at once, or with `rebuild=False` later."""
        self._check_free()
        if not self.layers:
            raise ConfigError("the model has no layer to pop")
        layer = vars(self)["layers"].pop()
        self._rebuild(at_once=rebuild)
        return layer

    def _check_free(self) -> None:
        if self._nested:
            raise ConfigError(f"{self.label} is part of another model and can no longer be changed")

    def _rebuild(self, at_once: bool = True) -> None:
        self.built, self.chain, self.parameters, self._moves_on, self._ends = False, None, [], None, None
        if "trainer" in vars(self):  # made when it is first asked for
            self.trainer.forget_model()
        if at_once:
            self._build_so_far(self.input_shape)

    def _build_so_far(self, shape: tuple | None) -> None:
        with contextlib.suppress(NotReadyError):  # how wide a layer is may depend on what `adapt` finds
            self.build(shape)

    def _ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> tuple:
        if not self.built:
            self.takes_several = isinstance(next(iter(input_shape), None), (tuple, list))
        return super()._ensure_built(input_shape, random)

    def build(self, input_shape: Any = None) -> None:
        """Create the parameters of every layer, for data of `input_shape`: `(None, features)`, or several in a list."""
        shape = told_shape(self, input_shape or self._given_shape or ())
        if not self.layers or not shape:
            raise NotReadyError(f"{self.label} needs at least one layer and an input shape to be built")
        if self.built:
            self._check_input_shape(shape)
            return
        random = self.random = self.random or RandomSource(self.seed)
        self.input_shape, self.dtype = shape, self._given_dtype or floatx()
        for layer in self.layers:
            layer.know_batch(self._batch)
            layer.dtype = layer._given_dtype or self.dtype
            if isinstance(layer, BaseModel):
                layer._nested = True
        if self.compute_dtype == self.dtype and self.layers[0].dtype in FLOAT_TYPES:  # else layers round
            self.dtype = self.layers[0].dtype
        with inside(self):
            for index, layer in enumerate(self.layers):
                try:
                    shape = layer._ensure_built(reading.handed_on(self, index, shape), random.child(index))
                except ConfigError as error:
                    raise error.within("layers", index) from None
        self.parameters = each_once(layer.parameters for layer in self.layers)
        self.chain, self.output_shape = program_of_chain(self, shape)
        self.built, self._structure, self._lists_outputs = True, *form_of_outputs(self)
        self._penalizes = any(layer._penalizes for layer in self.layers)
        self._lowers = any(layer._lowers for layer in self.layers)
        CONTAINERS.update((layer, weakref.ref(self)) for layer in self.layers)
        hold(self, self.layers, Sequential._rebuild)

    @property
    def inputs(self) -> list[Any]:
        """The inputs as symbols, in a list, as for a `Model`."""
        return leaves_of(self.input)

    @property
    def outputs(self) -> list[Any]:
        """The outputs as symbols, in a list."""
        return leaves_of(self.output)

    def _draw(self) -> None:
        """Draw the layers as a graph, so that each has its `input` and `output`."""
        self._need_built()
        first = symbol = in_form(self, first_symbols(self)) if self.takes_several else first_input(self)._symbol
        for layer in [self] if self._writes_call else self.layers:
            layer._node = None
            symbol = layer(symbol)
        self._ends = first, symbol

    @property
    def input(self) -> Any:
        """The symbol of the input, from which another graph may start."""
        return as_drawn(self._drawn_ends()[0])

    @property
    def output(self) -> Any:
        """The symbol of the output, from which another graph may continue."""
        return self._drawn_ends()[1]

    def _drawn_ends(self) -> tuple[Any, Any]:
        if self._ends is None:
            self._draw()
        return cast(Any, self._ends)

    def _arguments(self) -> dict:
        if "layers" not in constructor_parameters(type(self)):  # of a class that makes its layers itself
            return super()._arguments()
        inputs = [first_input(self)] if self._given_shape else []
        return {**super()._arguments(), "layers": [*inputs, *self.layers]}

    def get_config(self) -> dict[str, Any]:
        """The layers in order, in Keras's form if none occurs twice; `from_config` recreates the model."""
        config = super().get_config()
        made_of_layers = "layers" in constructor_parameters(type(self))
        return chain_config(self, config) if made_of_layers and not is_for_files() else config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> "Sequential":
        """The inverse of `get_config`; the model is built if the original was. For `custom_objects` see `Model`."""
        shape = (arguments := dict(config)).pop("build_input_shape", None)
        with custom_object_scope(custom_objects):
            model = cast(Any, super()).from_config(arguments)
        if shape is not None and not model.built:
            model.build(shape)
        return model

    @property
    def _output_dtype(self) -> str:
        return self.layers[-1]._output_dtype

    @property
    def _returned_dtypes(self) -> Sequence[str]:
        return self.layers[-1]._returned_dtypes

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        if self._writes_call:
            return super().compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(keyed_shape(layer, input_shape))
        return tuple(input_shape)

    @property
    def input_kind(self) -> str:
        """The kind of inputs that the first layer takes."""
        return self.layers[0].input_kind if self.layers else "numbers"

    @property
    def _with_state(self) -> list:
        """The layers that `Jacobians.state` has a part for, in its order."""
        return self.layers if self._writes_call else self.chain.stateful_layers

    adapt, adapt_until, _read_call = reading.adapt_chain, reading.adapt_until, reading.read_chain_call

    def _as_input(self, inputs: Any) -> Any:
        return super()._as_input(reading.chain_input(self, inputs))

    def _until_loss(self, loss: Loss) -> tuple[Program, Loss, ActivationFunction | None]:
        """Program of training: the chain up to an activation that `loss` takes over, the loss, and that activation."""
        if self._writes_call:
            return self.chain, loss, None
        *first, last = self.layers
        bare, activation = last.without_activation()
        from_logits = activation and loss.from_outputs_of(activation)
        if not from_logits:
            return self.chain, loss, None
        return in_line([*first, bare], self.dtype, len(shapes_in(self._free_shapes[0]))), from_logits, activation


cast(Any, Sequential).layers = ListedAnew()
