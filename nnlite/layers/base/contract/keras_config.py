"""Configs of layers in Keras's form, and in the form that nnlite's files hold."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nnlite.config import floatx, image_data_format
from nnlite.errors import ConfigError, shown
from nnlite.registry import Configurable, constructor_parameters
from nnlite.registry.configurable import field_hints
from nnlite.registry.modules import keras_form
from nnlite.registry.names import custom_object_scope

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []

# Arguments of the layers whose configs in Keras have an `activity_regularizer` of None.
WITH_REGULARIZER = {"kernel_initializer", "depthwise_initializer", "embeddings_initializer"}
QUANTIZABLE = {"Dense", "EinsumDense", "Embedding"}  # whose configs in Keras have a `quantization_config`
# Arguments that Keras's configs do not have, left out of ours at these values.
BEYOND = {
    "Dense": {
        "parametrization": "standard",
        "members": None,
        "data_dependent_init": False,
        "activity_regularizer": None,
    },
    "Embedding": {"sparse": False},
    "ReversibleEmbedding": {"sparse": False},
    "CategoryEncoding": {"sparse": False},
    "RandomGrayscale": {"seed": None},
    "MaxNumBoundingBoxes": {"fill_value": -1},
    **{name: {"batch_size": None} for name in ("RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")},
    **{name: {"activity_regularizer": None} for name in ("SimpleRNNCell", "LSTMCell", "GRUCell")},
    **{
        name: {"use_causal_mask": False, "return_attention_scores": False, "flash_attention": None}
        for name in ("MultiHeadAttention", "GroupQueryAttention")
    },
    "SimpleRNN": {"batch_size": None, "seed": None},
    "LSTM": {"batch_size": None, "implementation": 2, "use_cudnn": "auto"},
    "GRU": {"batch_size": None, "implementation": 2, "use_cudnn": "auto"},
    "Attention": {"use_causal_mask": False, "return_attention_scores": False},
    "AdditiveAttention": {"use_causal_mask": False, "return_attention_scores": False},
}
# Whether `get_config` is asked for what files hold: arguments as they were given, without a name that was not given.
_FOR_FILES: ContextVar[bool] = ContextVar("configs for files", default=False)
# The entry of a spec, beside that of its class, that numbers a layer which occurs several times.
SHARED = "shared layer"
_WRITTEN: ContextVar["dict[int, tuple[int, Layer]] | None"] = ContextVar("numbers of layers, by id", default=None)
_READ: ContextVar["dict[int, tuple[Any, Layer]] | None"] = ContextVar("specs and layers, by number", default=None)


@contextmanager
def configs_for_files() -> Iterator[None]:
    """A context in which `get_config` of layers returns the form that nnlite's files hold."""
    token = _FOR_FILES.set(True)
    try:
        yield
    finally:
        _FOR_FILES.reset(token)


def is_for_files() -> bool:
    """Whether configs are requested in the form for files."""
    return _FOR_FILES.get()


def get_config(self: "Layer") -> dict[str, Any]:
    """All arguments as plain values, in Keras's form; `from_config` recreates the layer."""
    if not _FOR_FILES.get() and not self._builds_itself:  # a model is described as in its file
        return _in_terms_of_keras(self)
    with configs_for_files():  # few calls for each layer inside another: Python bounds how deep they go
        inside = _WRITTEN.get() is not None
        config = Configurable.get_config(self) if inside else numbering_shared(lambda: Configurable.get_config(self))
        config = _told(self, config)
    if _without_regularizer(self):
        config.pop("activity_regularizer", None)
    return config


def arguments(self: "Layer") -> dict[str, Any]:
    """The arguments as files hold them: a `data_format` of None for channels last."""
    values: dict[str, Any] = Configurable._arguments(self)
    if values.get("data_format") == "channels_last" and not self._own_constructor:
        values["data_format"] = None
    return values


def to_spec(self: "Layer") -> dict[str, Any]:
    """`{ClassName: {argument: value}}` with the arguments as given: what `get` reads and files store."""
    numbers: Any = _WRITTEN.get()
    if numbers is None:
        return numbering_shared(lambda: to_spec(self))
    number, _ = numbers.setdefault(id(self), (len(numbers) + 1, self))
    with configs_for_files():
        ((name, config),) = Configurable.to_spec(self).items()
        objects = {key: keras_form(value) for key, value in config.items() if isinstance(value, Configurable)}
        numbered = {} if self._symbol is not None else {SHARED: number}  # any two `Input`s alike do the same
        return {name: {**config, **objects}, **numbered}


def numbering_shared(describe: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """`describe()`; the outermost of these calls removes the numbers of layers that occur once."""
    if _WRITTEN.get() is not None:
        return describe()
    token = _WRITTEN.set({})
    try:
        description = describe()
    finally:
        _WRITTEN.reset(token)
    specs = numbered_specs(description)
    counts = Counter(part[SHARED] for part in specs)
    for part in specs:
        if counts[part[SHARED]] == 1:
            del part[SHARED]
    return description


def numbered_specs(description: Any) -> list[dict[str, Any]]:
    """The numbered specs of layers in a description, with repetitions."""
    specs, level = [], [description]
    while level:
        specs += [part for part in level if isinstance(part, dict) and SHARED in part]
        level = [
            item
            for part in level
            if isinstance(part, (dict, list, tuple))
            for item in (part.values() if isinstance(part, dict) else part)
        ]
    return specs


@contextmanager
def reading_shared() -> Iterator[dict[int, tuple[Any, "Layer"]]]:
    """A context in which specs with the same number are the same layer; yields those that have been read in it."""
    if (known := _READ.get()) is not None:
        yield known
        return
    token = _READ.set(known := {})
    try:
        yield known
    finally:
        _READ.reset(token)


@classmethod
def get(cls: Any, spec: Any) -> Any:
    """The layer that `spec` describes, see `Configurable.get`; a layer that occurs several times is read once."""
    read = Configurable.get.__func__
    if not isinstance(spec, Mapping):
        return read(cls, spec)
    with reading_shared() as known:
        if SHARED not in spec:
            return read(cls, spec)
        number, described = spec[SHARED], {key: value for key, value in spec.items() if key != SHARED}
        if type(number) is not int:
            raise ConfigError(f"expected the number of a layer, got {shown(number)}", (SHARED,))
        if number not in known:
            known[number] = (described, read(cls, described))
        same, layer = known[number]
        if same != described or not isinstance(layer, cls):
            raise ConfigError(
                f"layer {number} is described in two ways; all entries of a shared layer must agree", (SHARED,)
            )
        return layer


@classmethod
def from_config(cls: Any, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Construct from a mapping of arguments, in either form of `get_config`; the inverse of it.

    Args:
        config: the arguments by their names.
        custom_objects: classes and functions by the names in it, see `custom_object_scope`.
    """
    with custom_object_scope(custom_objects), reading_shared():
        arguments: Any = _read(cls, config) if isinstance(config, Mapping) else config
        stated = [name for name in cls._further_arguments if isinstance(config, Mapping) and name in arguments]
        further = {name: arguments.pop(name) for name in stated}
        layer = Configurable.from_config.__func__(cls, arguments)
    if further:
        layer._take_further(further)
    return layer


def _told(layer: "Layer", config: dict[str, Any]) -> dict[str, Any]:
    """The entries that nnlite tells: a class that writes `get_config` adds to those of the class that it extends.

    All of them where the constructor is made of fields: these are the arguments, and as such are kept.
    """
    cls = type(layer)
    if cls.get_config.__module__.startswith("nnlite.") or not cls._own_constructor:
        return config
    base = next(base for base in cls.__mro__ if base.__module__.startswith("nnlite."))
    return {name: value for name, value in config.items() if name in constructor_parameters(base)}


def _without_regularizer(layer: "Layer") -> bool:
    """Whether the config says nothing of `activity_regularizer`: it is None, and no field of the class."""
    return layer.activity_regularizer is None and "activity_regularizer" not in field_hints(type(layer))


def common_config(layer: Any, name: str) -> dict[str, Any]:
    """Name, trainable and dtype, which come first in Keras."""
    config = {"name": vars(layer).get("dtype") or floatx()}
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": config}
    return {"name": name, "trainable": layer.trainable, "dtype": {**policy, "registered_name": None}}


def _in_terms_of_keras(layer: "Layer") -> dict[str, Any]:
    """Name, trainable and dtype first, sizes for each axis, activations by name."""
    arguments = _told(layer, dict(layer._keras_arguments()))
    if _without_regularizer(layer) and not WITH_REGULARIZER & arguments.keys():
        arguments.pop("activity_regularizer", None)
    beyond = [pair for base in type(layer).__mro__ for pair in BEYOND.get(base.__name__, {}).items()]
    for name, usual in beyond:
        if name in arguments and arguments[name] == usual:
            del arguments[name]
    if not arguments.get("lora_rank"):
        arguments = {name: value for name, value in arguments.items() if name not in ("lora_rank", "lora_alpha")}
    config = common_config(layer, str(layer.name)) | {"trainable": arguments.pop("trainable", True)}
    if QUANTIZABLE & {base.__name__ for base in type(layer).__mro__}:
        config["quantization_config"] = None
    config |= {key: _argument(key, value) for key, value in arguments.items() if key not in config}
    if layer._own_constructor and type(layer).get_config.__module__.startswith("nnlite."):
        _refuse_objects(layer, config)
    return config


def _refuse_objects(layer: "Layer", config: dict[str, Any]) -> None:
    """`NotImplementedError` for an argument of a constructor written by hand of which no plain value can be made."""
    for name, value in config.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise NotImplementedError(
                f"{layer.label}: argument {name!r} is {type(value).__name__}, which no config holds: write get_config, "
                "which returns plain values, and from_config"
            ) from None


def _argument(key: str, value: Any) -> Any:
    if value is None and key in ("activation", "recurrent_activation"):
        return "linear"
    if value is None and key == "data_format":
        return "channels_last"
    return keras_form(value)


def _read(cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """A `data_format` of None, in a file, is channels last; an activation "linear" is None if that is the default."""
    arguments = dict(config)
    if arguments.get("quantization_config", 0) is None:
        del arguments["quantization_config"]
    for name in cls._further_arguments:
        if arguments.get(name) is False:
            del arguments[name]
    if "data_format" in arguments and image_data_format() == "channels_first":
        arguments["data_format"] = arguments["data_format"] or "channels_last"
    if arguments.get("activation") == "linear":
        parameter = constructor_parameters(cls).get("activation")
        if parameter is not None and parameter.default is None:
            arguments["activation"] = None
    return arguments
