"""The contract of a layer: an op whose inputs are its data and its parameters."""

from dataclasses import field
from typing import Any, ClassVar, cast

import numpy as np

from nnlite.config import Policy, WholeType
from nnlite.jacobians import penalized_parts
from nnlite.layers.base.attributes import LayerAttributes, LayerCall
from nnlite.layers.base.call import build_inner_layers, inner_layers, moves_on, trace_call
from nnlite.layers.base.contract import keras_config, surface
from nnlite.layers.base.contract.arguments import read_call, usual_training
from nnlite.layers.base.contract.around import of_call
from nnlite.layers.base.contract.assigned import pairs_inside
from nnlite.layers.base.contract.building import (
    add_weight,
    building,
    remembering,
    told_arguments,
    track,
    track_in,
    track_kept,
    with_common_arguments,
)
from nnlite.layers.base.contract.first_use import NodePart, as_input, build_first, parts_of_shape, with_derivatives
from nnlite.layers.base.contract.input_spec import Described, check_spec
from nnlite.layers.base.contract.naming import Name, TypeName, inside, place_of, show_made
from nnlite.layers.base.contract.penalties import losses_of, record_loss
from nnlite.layers.base.contract.running import input_of, read_methods, recorded_call
from nnlite.layers.base.inputs import read_training, shape_fits
from nnlite.layers.base.masks import carried_mask, carrying
from nnlite.layers.base.shapes import takes_too, trial_shape, trial_shapes, wrong_shape, zeros_for
from nnlite.layers.base.symbolic import apply_to_symbols, symbols_of
from nnlite.layers.base.variables import seeds
from nnlite.layers.base.variables.holders import hold_inner, take_state
from nnlite.ops.base import Op
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry.fields import Settled, change_constructor, option
from nnlite.variables import Variable

__all__ = ["Layer"]


class Layer(LayerAttributes, Op, family="layer", abstract=True):
    """A differentiable function with parameters. A subclass writes `build` and either `call` or `linearize`.

    - `build(input_shape)` declares parameters with `add_weight`; shapes have None for the batch.
    - `linearize(inputs, *parameters)` returns the output and its `Jacobians`, one map per input and parameter, in
      the order of declaration. It may also take `training` (bool) and `random` (a `RandomSource`) by keyword.
    - or `call(inputs)`, made of functions of `nnlite.ops`, operators, its parameters and layers it keeps as
      attributes, returns the output alone; what it computes is recorded, and the record is the derivative.
    - `compute_output_shape(input_shape)` is worked out from `linearize` unless a subclass knows better.

    `forward(inputs)` caches the Jacobians; `backward(jacobian)` returns the derivative with respect to the
    inputs and each parameter; calling the layer computes the output alone.

    Args:
        name: shown in summaries and errors; given by the model when None.
        trainable: whether training changes the parameters. To set the attribute sets it for all layers inside, at that
            moment; the argument is about the parameters of this layer alone, as in Keras.
        dtype: floating-point type or policy, see `DTypePolicy`; `nnlite.config.floatx()` when None. For layers without
            trained weights it may be an integer type, to which inputs are cast; fractions are in `floatx()`.
        activity_regularizer: penalty on the outputs, divided by the number of examples, added to the loss.

    >>> import numpy as np
    >>> from nnlite.layers import Dense
    >>> dense = Dense(3)
    >>> dense.forward(np.ones((2, 4))).shape
    (2, 3)
    >>> [gradient.shape for gradient in dense.backward(1)]
    [(2, 4), (4, 3), (3,)]
    """

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)
    dtype: Settled[Policy | WholeType] = option(default=None, kw_only=True)

    _traced = True
    _fast_paths: ClassVar[dict[str, Any]] = {"linearize": ("call",)} | dict.fromkeys(
        ("ends_in_activation", "_final_activation", "without_activation", "at_inference", "_dense_part", "infer"),
        ("call", "linearize"),
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        read_methods(cls, Layer.linearize)
        show_made(cls)
        cls._has_spec = cls._has_spec or cls.input_spec is not None
        cls._writes_mask = cls.compute_mask is not Layer.compute_mask
        writer = next(base for base in cls.__mro__ if "build" in vars(base))
        if not cls._builds_itself and (writer is cls or not issubclass(writer, LayerAttributes)):
            cls.build = building(cls.build)
        if "__init__" in vars(cls) and not cls._own_constructor:
            change_constructor(cls, with_common_arguments)

    def __setattr__(self, name, value):
        is_flag = name == "trainable" and "parameters" in self.__dict__
        super().__setattr__(name, bool(value) if is_flag else value)
        if is_flag:
            adapted = self._adapter and self.parameters[0]  # stays frozen
            for parameter in self.parameters:
                parameter.trainable = self.trainable and not parameter.is_state and parameter is not adapted
            for layer in inner_layers(self):
                layer.trainable = self.trainable
        if issubclass(type(value), Variable):  # not a parameter of another layer
            track(self, value)
        elif self._traced and type(value) in (list, tuple, dict):
            track_in(self, value)
        if isinstance(value, LayerAttributes) and self._traced and self._build_done:
            hold_inner(self)
        if name == "name":
            for parameter in self.__dict__.get("_declared", ()):
                parameter.place = place_of(self)

    def __post_init__(self):
        self.parameters = []
        self.built = self._needs_no_building
        self.input_shape = self.output_shape = cast(Any, None)
        self.random = None
        self._calls = 0
        self._declared: list[Parameter] = []
        super().__post_init__()

    def build(self, input_shape: Any) -> None:
        """Create parameters with `add_weight`; not needed for a layer without any."""

    def linearize(self, inputs: Any, *parameters: Any, **context: Any) -> tuple[Any, Any]:
        """The output and its `Jacobians`; pure: new moving averages are returned in `Jacobians.state`."""
        if not self._writes_call:
            raise NotImplementedError(f"{type(self).__name__} must define call(inputs) or linearize(inputs, ...)")
        return trace_call(self, inputs, parameters, context)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """The output shape for `input_shape`, by a trial run on zeros, with 1 and then 2 in place of None."""
        return trial_shape(self, input_shape)

    @property
    def _free_shapes(self) -> tuple[Any, Any]:
        """The shapes of input and output for any number of examples, if they have any."""
        return self.input_shape, self.output_shape

    def know_batch(self, size: int | None, by_input: bool = True) -> None:
        """Take the number of examples in each batch, if an `Input` or data state it: stateful layers need it."""

    def _ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> tuple:
        """Build on first use, drawing from `random`, or from fresh entropy when None; returns the output shape."""
        if not self.built or self.input_shape is None:
            build_first(self, input_shape, random)
        free_input, free_output = self._free_shapes
        if not shape_fits(free_input, input_shape):
            raise wrong_shape(self, input_shape)
        return free_output

    def _check_linearize(self) -> None:
        """`ShapeError` unless `linearize` returns what it must, tried on zeros."""
        trial_shapes(self, self._free_shapes[0], 1)

    def _build_whole(self) -> None:
        declared = [*self.parameters]  # in the constructor
        try:
            self._building = True
            if self._traced and self.random is not None:
                for index, layer in enumerate(inner_layers(self)):
                    layer.random = layer.random or self.random.child(index)
            with inside(self):
                self.build(parts_of_shape(self))
                track_kept(self)
                if self.call is None:
                    hold_inner(self)
                elif self._traced and inner_layers(self):
                    self.random = self.random or RandomSource(fresh_seed())
                    build_inner_layers(self, zeros_for(self, self._free_shapes[0], 1))
            self._build_done = True
        except BaseException:
            self.parameters, self._declared = declared, [*declared]
            self._build_done = False  # by `super().build` it may be true
            raise
        finally:
            self._building = False

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The parameters that training changes; none when the layer is frozen."""
        known = self.weights if self._traced and not self._build_done else self.parameters
        return [parameter for parameter in known if parameter.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The parameters that training does not change by gradients; all when the layer is frozen."""
        changed = set(map(id, self.trainable_weights))
        return [parameter for parameter in self.weights if id(parameter) not in changed]

    def forward(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Compute the output and keep the Jacobians for `backward`; `training` enables dropout and updates averages."""
        inputs = with_derivatives(inputs) if self._kept_kinds else inputs
        output, self.jacobians = self._apply(inputs, training, mask)
        several = isinstance(output, tuple)
        self._output = [(array.shape, array.dtype) for array in output] if several else (output.shape, output.dtype)
        return output

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The output alone, in newly allocated memory. Outside training nothing is stored; threads may share a layer.

        But for stateful recurrent layers, which continue from call to call; so does a layer that has one inside.

        Called on an `Input`, or on what another layer gave for one, it draws the graph of a `Model`.
        """
        call = self._read_call(*inputs, **options)
        symbols = symbols_of(call.inputs)
        if symbols is not None:
            return apply_to_symbols(self, symbols, call)
        if (output := recorded_call(self, call)) is not None:
            return output
        mask = carried_mask(self, call)
        output, jacobians = self._apply(call.inputs, call.training, mask, call.runner)
        return carrying(self, mask, jacobians, self._returned(call, output))

    def _read_call(self, *inputs: Any, **options: Any) -> LayerCall:
        """The arguments of a call in the terms of `linearize`; layers that Keras calls otherwise have their own."""
        return read_call(self, inputs, options)

    def _apply(self, inputs, training, mask, runner=None, values=None):
        training = usual_training(self, read_training(training, self.label))
        inputs = input_of(self, runner, inputs)
        context = {"training": training, "random": self._next_random() if training else None, "mask": mask}
        options, run = {name: context[name] for name in self._context}, self if runner is None else runner
        output, jacobians = run.linearize(inputs, *(self.values if values is None else values), **options)
        if self._penalizes:
            self._losses = tuple(np.dtype(self.dtype).type(part.penalty) for part in penalized_parts(jacobians))
        if values is None and (training or moves_on(self)):
            self.update_state(jacobians.state)
        return output, jacobians

    def add_loss(self, loss: Any) -> None:
        """Add a term to the loss from within `call`: a result of `ops` on inputs and parameters; arrays are summed."""
        record_loss(self.label, loss)

    def compute_mask(self, inputs: Any, previous_mask: Any = None, *, mask: Any = None) -> Any:
        """The mask of the outputs for these inputs and their mask, or None; `mask` is another name of the latter.

        A subclass may override it.
        """
        previous_mask = mask if previous_mask is None else previous_mask
        if symbols_of(inputs) is not None or not (self._sets_mask or self.takes_several):
            return self._drawn_mask(inputs, previous_mask)
        return self._apply(inputs, None, previous_mask)[1].mask

    def update_state(self, state: tuple) -> None:
        """Store new values of the non-trainable parameters, as in `Jacobians.state`."""
        for parameter, value in self._state_pairs(state):
            parameter.value[...] = value

    def _state_pairs(self, state: tuple):
        """`(parameter, new value)` for all that `state` carries."""
        if self._traced and state:
            return pairs_inside(inner_layers(self), state)
        return zip((weight for weight in self.parameters if weight.is_state), state, strict=True) if state else ()

    def _as_input(self, inputs) -> np.ndarray | tuple[np.ndarray, ...]:
        """`inputs` as an array of this layer's dtype (a tuple for several), built for and checked against its shape."""
        return as_input(self, inputs)

    def _check_input_shape(self, shape: tuple) -> None:
        """`ShapeError` unless the layer, as it is built, takes inputs of `shape`."""
        if self._has_spec:
            check_spec(self, shape)
        if not shape_fits(self._free_shapes[0], shape) and not takes_too(self, shape):
            raise wrong_shape(self, shape)

    input, output, _arguments, _told_arguments = NodePart(0), NodePart(1), keras_config.arguments, told_arguments
    get_config, to_spec, from_config = keras_config.get_config, keras_config.to_spec, keras_config.from_config
    stateless_call, path, variables = surface.stateless_call, surface.path, surface.variables
    losses = losses_of
    trainable_variables, non_trainable_variables = surface.trainable_variables, surface.non_trainable_variables
    dtype_policy, input_dtype, symbolic_call = surface.dtype_policy, surface.input_dtype, surface.symbolic_call
    get_build_config, build_from_config, __setstate__ = surface.get_build_config, surface.build_from_config, take_state
    compute_output_spec, quantize, add_metric = surface.compute_output_spec, surface.quantize, surface.add_metric
    metrics, metrics_variables = surface.metrics, surface.metrics_variables
    add_weight = add_variable = add_weight
    save_own_variables, load_own_variables = surface.save_own_variables, surface.load_own_variables
    save_assets, load_assets, _drawn_mask = surface.save_assets, surface.load_assets, surface.drawn_mask
    rematerialized_call = surface.rematerialized_call
    _seed_generators, _layers = map(Described, (seeds.seed_generators, seeds.layers_listed))
    _flatten_layers = seeds.flatten_layers
    _returned = of_call


Layer.build = building(Layer.build)
setattr(Layer, "name", Name())  # noqa: B010 - the fields are made
setattr(Layer, "dtype", TypeName())  # noqa: B010
setattr(Layer, "__new__", staticmethod(remembering))  # noqa: B010 - a checker would take what it returns for Any
change_constructor(Layer, with_common_arguments)
