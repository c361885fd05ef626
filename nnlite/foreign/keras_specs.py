"""Layers, initializers and similar objects in Keras's JSON, and back."""

import functools
import json
import warnings
from collections.abc import Mapping
from importlib import resources
from typing import Any

from nnlite.config import POLICIES
from nnlite.constraints import Constraint
from nnlite.errors import ConfigError, ModelFileError
from nnlite.initializers import Initializer
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.metrics import Metric
from nnlite.ops.activations import ActivationFunction, Exp
from nnlite.ops.activations.base import OP_OF_FUNCTION, Recorded
from nnlite.ops.tracing import FUNCTIONS
from nnlite.optimizers import Optimizer
from nnlite.registry import Configurable, constructor_parameters, default_value
from nnlite.registry.field_types import jsonable
from nnlite.registry.modules import keras_form
from nnlite.registry.names import get_registered_name, name_in, name_of_module
from nnlite.regularizers import Regularizer
from nnlite.schedules import LearningRateSchedule

__all__ = ["described", "plain_value", "read_config", "serialized"]

FAMILIES: dict[str, type[Configurable]] = {
    "layers": Layer,
    "initializers": Initializer,
    "regularizers": Regularizer,
    "constraints": Constraint,
    "losses": Loss,
    "metrics": Metric,
    "optimizers": Optimizer,
    "schedules": LearningRateSchedule,
}
# Entries that say what nnlite need not be told: how Keras runs a layer, not what it computes.
PASSED_OVER = {
    "autocast", "registered_name", "shared_object_id", "build_config", "synchronized", "implementation", "unroll",
    "use_cudnn", "flash_attention", "input_axes", "output_axes", "quantization_config", "vocabulary_size",
}  # fmt: skip
HERE = {"GroupedQueryAttention": "GroupQueryAttention"}  # class in files of Keras -> its public name
OF_CALLS = ("use_causal_mask",)  # arguments of a layer here, of its calls in Keras
# What Keras writes of arguments that nnlite lacks -> the value by which they ask for what nnlite does anyway.
AS_HERE = {"data_format": "channels_last", "batch_input_shape": None, "renorm_momentum": 0.99, "jit_compile": True}


@functools.cache
def signatures() -> dict[str, Any]:
    """Family -> class -> argument -> default, as in Keras; written by docs/keras_signatures.py."""
    return json.loads(resources.files("nnlite.foreign").joinpath("keras_signatures.json").read_text(encoding="utf-8"))


def plain_value(value: Any, location: str) -> Any:
    """A config value in Keras's JSON in the form that nnlite reads.

    Raises:
        ModelFileError: Python code, or an object of a kind that no layer here has.
    """
    if isinstance(value, list):
        return [plain_value(item, location) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: plain_value(item, location) for key, item in value.items()}
    kind, config = name_of_class(value), value.get("config")
    if kind == "DTypePolicy":
        return _dtype(config, location)
    if kind == "__tuple__":
        return [plain_value(item, location) for item in value.get("items") or ()]
    if kind in ("__numpy__", "__tensor__") and isinstance(config, dict):
        return config.get("value")
    if kind == "function" and isinstance(config, str):
        return config
    if isinstance(kind, str) and not kind.startswith("__"):
        return {"class_name": kind, "config": read_config(kind, config, str(value.get("module")), location)}
    raise ModelFileError(
        f"{location} holds {kind!r}, which is not read" + (": it is Python code" * (kind == "__lambda__"))
    )


def name_of_class(value: Mapping[str, Any]) -> Any:
    """The registered class name of an object in Keras's JSON; a user-defined class may share the name of nnlite's."""
    name = HERE.get(str(value.get("class_name")), name_in(value))
    return name if any(name in one.members() for one in FAMILIES.values()) else value.get("class_name")


def _dtype(config: Any, location: str) -> Any:
    """The name of the policy."""
    return config.get("name") if isinstance(config, dict) else config


def read_config(kind: str, config: Any, module: str, location: str) -> dict[str, Any]:
    """The arguments of a class in nnlite's terms: Keras's additional ones are dropped if they have no effect.

    Raises:
        ModelFileError: no such class here, or an argument that nnlite lacks and that is not at its default.

    Warns:
        UserWarning: an argument that Keras lacks too.
    """
    parts = [part for part in reversed(module.split(".")) if part in FAMILIES]
    parts += [name for name, root in FAMILIES.items() if kind in root.members()]  # earlier versions name no module
    family = next(iter(parts), "layers")
    member = FAMILIES[family].members().get(kind)
    if not isinstance(config, Mapping):
        raise ModelFileError(f"{location}: the config of {kind!r} must be a mapping, got {config!r}")
    if member is None:
        raise ModelFileError(
            f"{location}: nnlite has no {kind!r} among its {family}; a class of your own must be defined, under this "
            "name, before the file is read"
        )
    accepted, defaults = constructor_parameters(member), signatures().get(family, {}).get(kind, {})
    values = {}
    for key, item in config.items():
        value = plain_value(item, f"{location}.{key}")
        if key == "dtype":
            value = value if "dtype" in accepted and _dtype(value, location) in POLICIES else None
        if key in accepted or (key == "bounding_box_format" and value is not None):
            values[key] = value
        elif key not in PASSED_OVER and value is not None and value is not False:
            _pass_over(f"{location}: ", kind, key, value, defaults)
    return {key: value for key, value in values.items() if not (key == "dtype" and value is None)}


def _pass_over(location: str, kind: str, key: str, value: Any, defaults: Mapping[str, Any]) -> None:
    """Leave out an argument that asks for what nnlite does anyway; see `read_config` for the others."""
    if key not in AS_HERE and key not in defaults:
        warnings.warn(
            f"{location}neither Keras nor nnlite knows an argument {key!r} of {kind}, which is {value!r} in the file; "
            "it is passed over",
            stacklevel=3,
        )
    elif value not in (defaults.get(key, AS_HERE.get(key)), AS_HERE.get(key, key)):
        raise ModelFileError(f"{location}{kind} of nnlite has no argument {key!r}, which is {value!r} in the file")


def serialized(item: Any, location: str) -> Any:
    """A config value in Keras's JSON.

    Raises:
        ModelFileError: an object that Keras lacks.
    """
    if isinstance(item, ActivationFunction):
        return _activation(item, location)
    if isinstance(item, (list, tuple)):
        return [serialized(part, location) for part in item]
    family = next((name for name, root in FAMILIES.items() if isinstance(item, root)), None)
    return jsonable(item) if family is None else described(item, family, location)


def _activation(activation: ActivationFunction, location: str) -> Any:
    if isinstance(activation, Recorded):  # whoever reads it has to know the function
        name = jsonable(activation.function)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls: type = type(activation)
    names = {OP_OF_FUNCTION.get(id(function)): name for name, function in FUNCTIONS.items()}
    names[Exp] = "exponential"
    defaults = {name: parameter.default for name, parameter in constructor_parameters(cls).items()}
    if (config := activation.get_config()) != defaults:
        if not config.keys() <= signatures()["layers"].get(cls.__name__, {}).keys():
            raise ModelFileError(f"{location} is {activation!r}, of which Keras keeps the name alone")
        return {"module": "keras.layers", "class_name": cls.__name__, "config": config, "registered_name": None}
    if cls not in names:
        raise ModelFileError(f"{location}: Keras has no activation {cls.__name__}; save as .safetensors")
    return names[cls]


def described(item: Any, family: str, location: str) -> dict[str, Any]:
    """`{module, class_name, config, registered_name}` of an object whose arguments Keras must know.

    Raises:
        ModelFileError: Keras has no such class, or lacks an argument that is not at its default.
    """
    cls: type = type(item)
    known = signatures().get(family, {}).get(cls.__name__)
    if cls._spec_name != cls.__name__ or (known is None and not cls.__module__.startswith("nnlite.")):
        return _of_user(item)
    if known is None:
        raise ModelFileError(f"{location}: Keras has no {cls.__name__}; save as .safetensors, or leave it out")
    config, arguments = {}, item._arguments()
    for name, parameter in constructor_parameters(cls).items():
        value = arguments[name]
        if name in OF_CALLS or (name == "activity_regularizer" and value is None):  # some constructors lack the latter
            continue
        if name == "dtype" and name not in known and family == "layers":  # of a Pipeline: that of its layers
            continue
        if isinstance(value, Layer) and value._builds_itself:
            config[name] = None  # a model, which the caller describes
        elif name in known:
            config[name] = serialized(value, f"{location}.{name}")
        elif jsonable(value) != default_value(cls, name, parameter.default):
            raise ModelFileError(
                f"{location}: {cls.__name__} of Keras has no argument {name!r}, which is {value!r}; save as "
                ".safetensors"
            )
    module = "keras.optimizers.schedules" if family == "schedules" else f"keras.{family}"
    return {"module": module, "class_name": cls.__name__, "config": config, "registered_name": None}


def _of_user(item: Any) -> dict[str, Any]:
    """Keras's form of an object of a user-defined class; whoever reads it has to know the class."""
    cls: type = type(item)
    registered = get_registered_name(cls)
    name = cls._spec_name if registered == cls.__name__ else registered  # the former tells it from one of nnlite
    return {
        "module": name_of_module(cls),
        "class_name": cls.__name__,
        "registered_name": name,
        "config": keras_form(item.get_config()),
    }


def config_error(location: str, error: ConfigError) -> ModelFileError:
    """The error of a constructor, for a config in a file."""
    return ModelFileError(f"{location}: {error}")
