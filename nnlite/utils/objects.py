"""Objects as plain values, and back, in the form of `keras.saving`."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nnlite.activations import FUNCTIONS
from nnlite.config import DTypePolicy
from nnlite.constraints import Constraint
from nnlite.dtype_policies import policies
from nnlite.errors import ConfigError, WrongTypeError, shown
from nnlite.foreign.operations.plain_values import plain_form, value_of_form
from nnlite.initializers import Initializer
from nnlite.layers import KerasTensor, Layer
from nnlite.layers.base.symbolic import Symbol
from nnlite.losses import Loss, functions as losses
from nnlite.metrics import Metric
from nnlite.ops import ActivationFunction
from nnlite.optimizers import Optimizer
from nnlite.random import SeedGenerator
from nnlite.registry import Configurable, NamedFunction
from nnlite.registry.functions import form_of_function
from nnlite.registry.modules import keras_form
from nnlite.registry.names import custom_object, custom_object_scope, get_registered_name, name_of_module
from nnlite.regularizers import Regularizer
from nnlite.schedules import LearningRateSchedule

__all__ = ["deserialize_keras_object", "serialize_keras_object"]

FAMILIES: dict[str, Any] = {
    "layers": Layer,
    "losses": Loss,
    "metrics": Metric,
    "optimizers": Optimizer,
    "optimizers.schedules": LearningRateSchedule,
    "initializers": Initializer,
    "regularizers": Regularizer,
    "constraints": Constraint,
    "activations": ActivationFunction,
}
WITH_CONFIG: dict[str, Any] = {"DTypePolicy": DTypePolicy, "SeedGenerator": SeedGenerator}
PLAIN = (str, int, float, bool, type(None))


@runtime_checkable
class HasConfig(Protocol):
    """An object with a config from which it can be recreated."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        ...


@runtime_checkable
class HasFromConfig(Protocol):
    """A class whose objects can be recreated from a config."""

    def from_config(self, config: dict[str, Any]) -> Any:
        """The object."""
        ...


def serialize_keras_object(obj: Any) -> Any:
    """A layer, loss, optimizer and so on as `{"module", "class_name", "config", "registered_name"}`.

    Lists and dicts are gone through; a function becomes a dict with its name, which has to be registered when it is
    read; arrays, slices and objects with `get_config` become dicts too, and plain values are unchanged.

    >>> from nnlite.regularizers import L2
    >>> serialize_keras_object(L2(0.5))["config"], serialize_keras_object([1, "a"])
    ({'l2': 0.5}, [1, 'a'])

    Raises:
        WrongTypeError: an unsupported object, or a function without a name.
    """
    if isinstance(obj, Configurable):
        return keras_form(obj)
    if isinstance(obj, PLAIN):
        return obj
    if isinstance(obj, np.generic):
        return obj.item()
    special = plain_form(obj)
    if special is not None:
        return special
    if isinstance(obj, Symbol):
        inner = {"shape": obj.shape, "dtype": obj.dtype, "keras_history": None}
        return {"class_name": "__keras_tensor__", "config": inner}
    if isinstance(obj, DTypePolicy):
        return policies.serialize(obj)
    if isinstance(obj, Mapping):
        return {key: serialize_keras_object(item) for key, item in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [serialize_keras_object(item) for item in obj]
    if isinstance(obj, HasConfig) and not isinstance(obj, type):
        kind = {"module": name_of_module(type(obj)), "class_name": type(obj).__name__}
        return {**kind, "config": obj.get_config(), "registered_name": get_registered_name(type(obj))}
    try:
        return form_of_function(obj)
    except (ConfigError, AttributeError) as error:
        raise WrongTypeError(f"{shown(obj)} cannot be made a plain value: {error}") from None


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The object for a plain value that `serialize_keras_object` made.

    Args:
        config: as it returned it; `module` may be that of Keras, or missing, where the families are tried in order.
        custom_objects: classes and functions by the names in it.
        safe_mode: Keras's; accepted: configs hold no code here.

    Raises:
        ConfigError: a class or a function of no known name.

    >>> deserialize_keras_object({"class_name": "L2", "config": {"l2": 0.5}})
    L2(l2=0.5)
    """
    with custom_object_scope(custom_objects):
        return _read(config)


def _read(config: Any) -> Any:
    if isinstance(config, (list, tuple)):
        return [_read(item) for item in config]
    if isinstance(config, bytes):
        raise WrongTypeError(f"a config is made of plain values, got {config!r}")
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: _read(item) for key, item in config.items()}
    name, inner = config["class_name"], config["config"]
    special = value_of_form(config)
    if special is not None:
        return special
    if name == "__keras_tensor__":
        return KerasTensor(inner["shape"], inner["dtype"])
    if name == "function":
        return _function(inner)
    registered = custom_object(str(config.get("registered_name") or name)) or custom_object(str(name))
    if isinstance(registered, type):
        if not isinstance(registered, HasFromConfig):
            raise WrongTypeError(f"{name} cannot be made again: its class needs a class method from_config")
        cls: Any = registered
        return _built(cls.from_config(inner), config)
    if name in WITH_CONFIG:
        return WITH_CONFIG[name].from_config(inner)
    family = FAMILIES.get(str(config.get("module")).partition(".")[2]) or _family_of(str(name))
    return _built(family.get(config), config)


def _built(value: Any, config: Mapping[str, Any]) -> Any:
    """A layer built for the shape that its dict has; other objects as they are."""
    if isinstance(value, Layer):
        value.build_from_config(config.get("build_config"))
    return value


def _function(name: str) -> Any:
    """A function of the user, or else the activation or the loss of that name."""
    if custom_object(name) is None:
        for functions in (FUNCTIONS, losses.FUNCTIONS):
            if name in functions:
                return functions[name]
    return NamedFunction.get(name).function


def _family_of(name: str) -> Any:
    """The first family that knows the name; `ConfigError` if there is none."""
    for family in FAMILIES.values():
        try:
            family._lookup(name)
        except ConfigError:
            continue
        return family
    raise WrongTypeError(f"unknown class {name!r}: none of the {', '.join(FAMILIES)}, and not among custom_objects")
