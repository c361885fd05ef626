"""Arguments of calls: which of them are data, and the form in which `call` takes them."""

import functools
import inspect
from collections.abc import Callable, Container, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.errors import ConfigError, WrongTypeError, did_you_mean
from nnlite.layers.base.attributes import LayerAttributes, LayerCall
from nnlite.layers.base.contract.around import put_around
from nnlite.layers.base.contract.structure import arranged_as, form_of, leaves_in, leaves_of, of_kind
from nnlite.ops.tracing import Traced

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

CONTEXT = ("training", "random", "mask")  # what models hand on to layers that ask for it
NESTED = (Mapping, list, tuple)
OPTIONS = (bool, int, float, str, type(None))  # what is not data, after the first argument
SINGLE = (*OPTIONS, np.generic)


class _Shape:
    """A shape, as one value among nested ones."""

    def __init__(self, lengths: Any) -> None:
        self.lengths = lengths

    @classmethod
    def inside(cls, shapes: Any) -> Any:
        """Nested shapes with each one in place of its lengths."""
        if isinstance(shapes, Mapping):
            return {key: cls.inside(item) for key, item in shapes.items()}
        if isinstance(shapes, (list, tuple)) and any(isinstance(item, NESTED) for item in shapes):
            return of_kind(shapes, list(map(cls.inside, shapes)))
        return cls(shapes)


def context_of(function: Callable) -> tuple[str, ...]:
    """The entries of `CONTEXT` that a function takes by keyword."""
    if isinstance(function, FunctionType) and vars(function).keys().isdisjoint(("__wrapped__", "__signature__")):
        code = function.__code__  # a signature takes twenty times as long, and this is asked of each class of layers
        accepted: Container[str] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    else:
        accepted = inspect.signature(function).parameters
    return tuple(name for name in CONTEXT if name in accepted)


def data_arguments(call: Callable, context: Sequence[str]) -> tuple[str, ...]:
    """The names of the arguments of `call`, without `self`, that may be data, in order; `*inputs` with its star."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = list(inspect.signature(call).parameters.values())[1:]
    named = [one.name for one in parameters if one.kind in kinds and one.name not in context]
    return (*named, *(f"*{one.name}" for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL))


def read_call(layer: "Layer", inputs: tuple, keywords: dict[str, Any]) -> LayerCall:
    """The arguments of a call of `layer`, translated for `linearize`.

    Raises:
        WrongTypeError: an argument that `call` does not take, or none at all.
        ConfigError: other data than in the call that the layer was built by.
    """
    names = layer._call_arguments
    if takes_all(layer):
        count = len(inputs) + sum(name.startswith("*") for name in keywords) - len(names) + 1  # from a config by name
        names = (*names[:-1], *(f"{names[-1]}{number}" for number in range(max(1, count))))
    context: dict[str, Any] = dict(zip(("training", "mask"), inputs[len(names) :], strict=False))
    values = dict(zip(names, inputs, strict=False))
    for name, value in keywords.items():
        (context if name in ("training", "mask") else values)[name] = value
    usual = inspect.signature(cast(Callable, layer.call)).parameters if len(values) > 1 or layer._options else {}
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in usual.values())
    unknown = [] if takes_any else [name for name in values if name not in names and name not in usual]
    if unknown or names[0] not in values or len(inputs) > len(names) + 2:
        names = layer._call_arguments
        hint = did_you_mean(unknown[0], [*names, "training", "mask"]) if unknown else f"give {names[0]!r}"
        reason = unknown[0] if unknown else len(inputs)
        raise WrongTypeError(f"{layer.label} cannot be called like this: {reason}; {hint}")
    data = {name: value for name, value in values.items() if name == names[0] or _is_data(value)}
    defaults = {name: parameter.default for name, parameter in usual.items()}
    options = {
        name: value
        for name, value in values.items()
        if name not in data and value is not defaults.get(name, inspect.Parameter.empty)
    }
    _remember_required(layer, options, defaults)
    taker = layer if _takes(layer, data) else _taking(layer, data)
    inputs_taken = _one_tuple(taker, data)
    return LayerCall(with_options(taker, options), inputs_taken, context.get("training"), context.get("mask"))


def takes_all(layer: "Layer") -> bool:
    """Whether `call` takes any number of data, as `call(self, *inputs)` does."""
    return layer._call_arguments[-1].startswith("*")


def _remember_required(layer: "Layer", options: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Keep the first values of options without a default, for the trial runs by which the layer is built.

    Raises:
        WrongTypeError: a later call without one of them.
    """
    missing = [name for name in layer._options if name not in options]
    if missing:
        raise WrongTypeError(f"{layer.label} cannot be called without {missing[0]!r}, which has no default")
    required = {name: value for name, value in options.items() if defaults.get(name) is inspect.Parameter.empty}
    if required and not layer.built:
        layer._options = required


def with_options(layer: "Layer", options: Mapping[str, Any] | None) -> "Layer":
    """The layer as one that hands `options` to its `call`: a copy with the same weights, or itself without any."""
    if not options:
        return layer
    return _runner_of(layer, _options=dict(options))


def _takes(layer: "Layer", data: Mapping[str, Any]) -> bool:
    """Whether a layer takes data under these names as it is: it was built for them, or does not record its `call`."""
    is_bound = layer.built and layer._traced and layer.input_shape is not None
    return not is_bound or layer._data_arguments == (tuple(data) if len(data) > 1 else ())


def _taking(layer: "Layer", data: Mapping[str, Any]) -> "Layer":
    """A runner for a call with other data than those the layer was built for, such as `call(a, b=None)` without b.

    Layers inside that only such calls use are built when it runs, see `build_rest`.
    """
    several = len(data) > 1
    whole = (value.shape if isinstance(value, Traced) else np.shape(value) for value in data.values())
    shapes = tuple((None, *shape[1:]) for shape in whole)
    others = {"_data_arguments": tuple(data) if several else (), "input_shape": shapes if several else shapes[0]}
    return _runner_of(layer, takes_several=several, **others)


def _runner_of(layer: "Layer", **attributes: Any) -> "Layer":
    """An object that runs `layer`, with its weights and the layers inside, by other attributes."""
    runner = object.__new__(type(layer))
    vars(runner).update(vars(layer), **attributes)
    if "linearize" in vars(runner):
        put_around(runner)  # the wrappers of `layer` would run that by its own attributes
    return runner


def _is_data(value: Any) -> bool:
    return isinstance(value, LayerAttributes) or not (isinstance(value, (*OPTIONS, dict)) or callable(value))


def _one_tuple(layer: "Layer", data: dict[str, Any]) -> Any:
    """The data of a call: one value, or a tuple of several, whose names the layer then remembers."""
    value = next(iter(data.values()))
    if len(data) > 1:
        _remember(layer, "_data_arguments", tuple(data))
        return tuple(data.values())
    return in_a_row(layer, value) if layer._traced else value


def in_a_row(layer: "Layer", data: Any) -> Any:
    """The data of a dict, or of nested ones and lists, as a tuple, remembering the form; anything else unchanged.

    Raises:
        ConfigError: nested otherwise than the data that the layer was built for.
    """
    if not _is_nested(data) or not data:
        return data
    items = list(data.values()) if isinstance(data, Mapping) else data
    if any(map(_is_nested, items)) and not any(isinstance(leaf, SINGLE) for leaf in leaves_of(data)):
        if not layer.built:
            _remember(layer, "_data_form", form_of(data))
        leaves = tuple(leaves_in(layer._data_form, data)) if _is_nested(layer._data_form) else ()
        if not leaves or any(leaf is None for leaf in leaves):
            raise ConfigError(f"{layer.label} was built for data nested as {layer._data_form}, got {form_of(data)}")
        return leaves
    if isinstance(data, Mapping):
        return by_keys(layer, data) if all(map(_is_batch, items)) else data
    if isinstance(data, tuple) and not (layer.built or layer._data_form or layer._data_keys or layer._data_arguments):
        vars(layer)["_data_form"] = form_of(data)  # `call` gets a tuple, as it was given one
    return data


def keyed_shape(layer: "Layer", input_shape: Any) -> Any:
    """`shapes_in_a_row` of a layer that records its `call`; unchanged of others."""
    return shapes_in_a_row(layer, input_shape) if layer._traced else input_shape


def shapes_in_a_row(layer: "Layer", input_shape: Any) -> Any:
    """The shapes of a dict of data, or of nested ones, as a tuple, remembering the form; anything else unchanged."""
    parts = _Shape.inside(input_shape) if input_shape else ()
    if isinstance(parts, _Shape) or (isinstance(parts, (list, tuple)) and not any(map(_is_nested, parts))):
        return input_shape
    return tuple(shape.lengths for shape in in_a_row(layer, parts))


def name_data(layer: Any, shapes: Sequence[Any]) -> None:
    """Remember the arguments of `call` that the data of several shapes are, if it has as many."""
    if len(shapes) > 1 and layer._traced and len(layer._call_arguments) >= len(shapes):
        _remember(layer, "_data_arguments", layer._call_arguments[: len(shapes)])


def _is_nested(value: Any) -> bool:
    return isinstance(value, NESTED)


def by_keys(layer: "Layer", data: Mapping[str, Any]) -> tuple:
    """The data of a dict as a tuple, in the key order of the first dict that the layer was given."""
    known = layer._data_keys
    keys = known if layer.built and set(known) == set(data) else tuple(data)
    _remember(layer, "_data_keys", keys)
    return tuple(data[key] for key in keys)


def _is_batch(value: Any) -> bool:
    """Whether an entry of a dict is an input of its own, rather than a column of a table."""
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    return isinstance(value, (LayerAttributes, Traced)) or not isinstance(value, (list, tuple, *OPTIONS))


def _remember(layer: Any, attribute: str, names: Any) -> None:
    names_built = vars(layer).get(attribute)
    if layer.built and names_built != names:
        raise ConfigError(f"{layer.label} was built for the inputs {names_built}, got {names}")
    vars(layer)[attribute], layer.takes_several = names, True


def arranged(layer: "Layer", inputs: Any) -> tuple[tuple, dict[str, Any]]:
    """Positional and keyword arguments of `layer.call` for its data, a list if there are several."""
    if layer._data_arguments and takes_all(layer):
        return tuple(inputs), layer._options
    if layer._data_arguments:
        return (), {**dict(zip(layer._data_arguments, inputs, strict=True)), **layer._options}
    return (in_form(layer, inputs),), layer._options


def usual_training(layer: "Layer", training: bool | None) -> bool | None:
    """`training`, or the default of `call` where a call does not say; None if it has none."""
    if training is not None or not layer._traced or "training" not in layer._call_context:
        return training
    return _usual_training(cast(Any, type(layer)).call)


@functools.cache
def _usual_training(call: Callable) -> bool | None:
    default = inspect.signature(call).parameters["training"].default
    return None if default is inspect.Parameter.empty else default


def in_form(layer: "Layer", values: Any) -> Any:
    """Values for each of a layer's data, in the form in which it is given these: a dict, or nested ones and lists."""
    if layer._data_keys:
        return dict(zip(layer._data_keys, values, strict=True))
    return values if layer._data_form is None else arranged_as(layer._data_form, values)
