"""Constructors and `build`, as users call them and as classes write them."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.arrays.types import ArrayLike, dtype_of, is_floating
from nnlite.config import floatx
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ShapeError, WrongTypeError, did_you_mean
from nnlite.initializers import Constant, Initializer, Ones, Zeros
from nnlite.initializers.blank import allowance
from nnlite.layers.base.attributes import LayerAttributes
from nnlite.layers.base.contract.arguments import keyed_shape, name_data
from nnlite.layers.base.contract.around import put_around, show_half
from nnlite.layers.base.contract.naming import place_of
from nnlite.layers.base.contract.structure import kept
from nnlite.layers.base.shapes import shapes_in
from nnlite.parameters import Parameter
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry.fields import Spec
from nnlite.regularizers import Regularizer
from nnlite.variables import Variable, checked_aggregation, checked_name

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

REGULARIZER = "activity_regularizer"
OF_KERAS = ("input_shape", "input_dim", "autocast", "quantization_config")  # what every constructor takes in addition
SHAPES = (tuple, list, Mapping, type(None))


def remembering(cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A new layer; one whose constructor is written by hand knows what that was called with, for its config."""
    layer = object.__new__(cls)
    if cls._own_constructor:
        vars(layer)["_constructed"] = functools.partial(cls, *args, **kwargs)
    return layer


def told_arguments(layer: Any) -> dict[str, Any]:
    """Arguments of a constructor written by hand, by name, that it did not keep, or made a layer or a function of."""
    construct: Any = vars(layer).get("_constructed")
    if construct is None:
        return {}
    bound = inspect.signature(type(layer).__init__).bind(layer, *construct.args, **construct.keywords)
    bound.apply_defaults()
    attributes = dict.fromkeys(dir(type(layer))) | vars(layer)
    return {
        name: value
        for name, value in list(bound.arguments.items())[1:]
        if name not in attributes or (callable(attributes[name]) and not isinstance(value, LayerAttributes))
    }


def with_common_arguments(construct: Callable) -> Callable:
    """A constructor that also takes the arguments common to all Keras layers.

    These are `activity_regularizer`, and `input_shape`, or `input_dim`, the shape of one example of a first layer's
    data; `autocast`, false where `call` gets floating-point inputs in the type that they have; and a
    `quantization_config` of None. Any other keyword that the constructor does not have is a `WrongTypeError`.
    """
    signature = inspect.signature(construct)
    parameters = [*signature.parameters][1:]
    further = [name for name in (*OF_KERAS, REGULARIZER) if name not in parameters]

    @functools.wraps(construct)
    def constructor(self: "Layer", *args: Any, **kwargs: Any) -> None:
        absent = [name for name in self._further_arguments if name not in parameters]
        extra = {name: kwargs.pop(name) for name in (*further, *absent) if name in kwargs}
        for name in kwargs:
            if name not in parameters:
                hint = did_you_mean(name, [*parameters, REGULARIZER])
                raise WrongTypeError(f"{type(self).__name__}: unknown argument {name!r}; {hint}")
        construct(self, *args, **kwargs)
        if extra.get("quantization_config") is not None:
            raise ConfigError("nothing is quantized in nnlite", (type(self).__name__, "quantization_config"))
        self.autocast = extra.get("autocast", self.autocast)
        shape = extra.get("input_shape", extra.get("input_dim"))
        if shape is not None:
            self._stated_shape = (None, *([shape] if isinstance(shape, int) else shape))
        if absent:
            self._take_further(extra)
        regularize(self, extra.get(REGULARIZER))

    if REGULARIZER in further:
        added = inspect.Parameter(REGULARIZER, inspect.Parameter.KEYWORD_ONLY, default=None)
        vars(constructor)["__signature__"] = signature.replace(parameters=[*signature.parameters.values(), added])
    return constructor


def regularize(layer: Any, regularizer: Any) -> None:
    """Set a layer's `activity_regularizer`, unless its class has such a field; `ConfigError` for an invalid one."""
    if regularizer is not None:
        try:
            layer.activity_regularizer = Regularizer.get(regularizer)
        except ConfigError as error:
            raise error.within(type(layer).__name__, REGULARIZER) from None
    put_around(layer)


def without_batch(shape: Any) -> Any:
    """A shape, or several, in a dict too, with None for the number of examples."""
    if isinstance(shape, Mapping):
        return {key: without_batch(one) for key, one in shape.items()}
    nested = any(isinstance(one, (tuple, list, Mapping)) for one in shape)
    return tuple(map(without_batch, shape)) if nested else (None, *shape[1:])[: len(shape)]


def building(build: Callable) -> Callable:
    """A wrapper of a class's `build`, so that a call by a user builds the whole layer and sets `built`.

    It may take the shape of the inputs, one for each input, or none; and arguments of other types, such as a string.
    """
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [
        parameter for parameter in list(inspect.signature(build).parameters.values())[1:] if parameter.kind in kinds
    ]
    names = [parameter.name for parameter in parameters]
    needed = [parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty]

    @functools.wraps(build)
    def build_layer(self: "Layer", *shapes: Any, **named: Any) -> None:
        named = {**dict(zip(names, shapes, strict=False)), **named} if len(shapes) <= len(names) else named
        further = {name: value for name, value in named.items() if not isinstance(value, SHAPES)}
        vars(self)["_build_options"] = further or vars(self).get("_build_options", {})
        shapes = tuple(value for name, value in named.items() if name not in further) if named else shapes
        shapes = tuple(shape for shape in shapes if shape is not None)
        if not self._building and shapes:
            _build_as_told(self, shapes)
            return
        if not shapes and needed:
            raise WrongTypeError(f"{self.label}: build needs the shape of the inputs, such as build((None, 4))")
        several = len(parameters) > 1 and len(shapes) == 1 and isinstance(shapes[0][0], (tuple, list))
        outer, self._building = not self._building, True
        try:
            build(self, *(shapes[0] if several else shapes)[: len(parameters)], **vars(self)["_build_options"])
        finally:
            self._building = not outer
        self._build_done = True
        self.built = self.built or outer

    return build_layer


def _build_as_told(layer: "Layer", shapes: tuple) -> None:
    """Build a layer for the shapes that a user gave, whose number of examples does not bind later calls."""
    name_data(layer, shapes)
    told = keyed_shape(layer, shapes[0]) if len(shapes) == 1 else shapes
    if layer.input_shape is None:
        layer._told_shape = told
        layer.know_batch(next(iter(shapes_in(told)[0]), None), by_input=False)
    layer._ensure_built(without_batch(told))


def first_value(layer: "Layer", shape: Sequence[int] | int | None, initializer: Any, dtype: str | None) -> np.ndarray:
    """The first value of the next parameter, from an `Initializer`, its spec, or a function: see `FunctionInitializer`.

    Zeros where a file's values follow, unless the layer compares them with what it would have begun with.
    """
    layer.dtype = layer._given_dtype or floatx()
    layer.random = layer.random or RandomSource(fresh_seed())
    kind, lengths = dtype or layer.dtype, () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    if None in lengths:
        raise ShapeError(f"{layer.label}: add_weight needs known lengths, got the shape {lengths}")
    if (known := allowance()) is not None:
        blank = known.take(lengths, kind, layer.label)
        if not layer._compares_first:
            return blank
    generator = layer.random.child(len(layer.parameters)).generator("initializer")
    usual = "glorot_uniform" if is_floating(dtype_of(kind)) else "zeros"
    chosen = Initializer.get(usual if initializer is None else initializer)
    if usual == "zeros" and dtype is None and not isinstance(chosen, (Zeros, Ones, Constant)):
        raise ConfigError(
            f"{layer.label}: {type(chosen).__name__} draws no weights of {kind}: take a floating-point type"
        )
    return chosen(lengths, dtype=kind, generator=generator)


def add_weight(
    self: "Layer",
    shape: Sequence[Any] | int | None = (),
    initializer: Spec[Initializer] | ArrayLike | Callable | None = None,
    dtype: str | None = None,
    trainable: bool = True,
    *,
    regularizer: Spec[Regularizer] | None = None,
    constraint: Spec[Constraint] | None = None,
    name: str | None = None,
    sparse: bool = False,
    aggregation: str | None = "none",
    autocast: bool = True,
    overwrite_with_gradient: bool = False,
    layout: Any = None,
) -> Parameter:
    """Create a parameter, whose value `linearize` receives; called in `build`, or in the constructor.

    Args:
        shape: its shape.
        initializer: an `Initializer`, its name, the value, or a function `(shape)` or `(shape, dtype)`; None for
            `glorot_uniform`, or zeros for what is not a floating-point number.
        dtype: that of the layer when None.
        trainable: false for state that training does not change by gradients.
        regularizer: a `Regularizer`, its name or None.
        constraint: a `Constraint`, its name or None: what training brings the values back to.
        name: unique within the layer, without a slash; `weight`, `weight_1`, ... when None.
        sparse: training changes only the rows that a batch uses; for tables whose map is a `GatherRows`.
        aggregation, autocast, overwrite_with_gradient, layout: as of `Variable`.

    Raises:
        ConfigError: a name that is taken or has a slash; no such initializer, regularizer, constraint or aggregation.
        ShapeError: unknown lengths.
        WrongTypeError: a trainable weight of a layer of an integer type.
    """
    value, name = first_value(self, shape, initializer, dtype), free_name(self, name)
    if trainable and dtype is None and not is_floating(value.dtype):
        raise WrongTypeError(
            f"{self.label} trains its weight {name!r}, and {value.dtype} has no derivative: take a floating-point type"
        )
    penalty = None if regularizer is None else Regularizer.get(regularizer)
    bound = None if constraint is None else Constraint.get(constraint)
    parameter = Parameter(name, value, trainable, penalty, sparse, bound)
    parameter.aggregation, parameter.autocast = checked_aggregation(aggregation), autocast
    parameter.overwrite_with_gradient = overwrite_with_gradient
    declare(self, parameter)
    return parameter


def declare(layer: "Layer", parameter: Parameter) -> None:
    """Add a parameter to those of the layer."""
    parameter.place = place_of(layer)
    parameter.trainable = parameter.trainable and layer.trainable
    layer.parameters.append(parameter)
    layer._declared.append(parameter)
    show_half(layer)


def track(layer: "Layer", variable: Parameter) -> None:
    """Register a `Variable` that becomes an attribute of a layer as one of its parameters, as `add_weight` does."""
    if "_declared" not in vars(layer) or any(variable is known for known in layer.parameters):
        return
    names_used = {known.name for known in layer.parameters}
    names = (variable.name, *(f"{variable.name}_{count}" for count in range(1, len(names_used) + 2)))
    vars(variable)["name"] = next(name for name in names if name not in names_used)
    declare(layer, variable)


def track_kept(layer: "Layer") -> None:
    """Register each `Variable` in a list, tuple or dict among the attributes of a layer that writes `call`."""
    if layer._traced:
        for variable in kept(layer, Variable):
            track(layer, variable)


def track_in(layer: "Layer", container: list | tuple | dict) -> None:
    """Register each `Variable` in a list, tuple or dict that becomes an attribute of a layer."""
    for item in container.values() if isinstance(container, dict) else container:
        if issubclass(type(item), Variable):
            track(layer, item)


def free_name(layer: "Layer", name: str | None) -> str:
    """A unique name for the next parameter; `ConfigError` if the given one is taken, or has a slash."""
    count = len(layer.parameters)
    name = checked_name(name or (f"weight_{count}" if count else "weight"), f"parameter of {layer.label}")
    if any(parameter.name == name for parameter in layer.parameters):
        raise ConfigError(f"{layer.label} has a parameter {name!r} already")
    return name
