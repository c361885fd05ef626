"""Activation functions under Keras's names: functions of arrays, whose derivatives `nnlite.ops` knows."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlite.errors import ConfigError
from nnlite.ops.activations import ActivationFunction
from nnlite.ops.activations.base import OP_OF_FUNCTION
from nnlite.ops.functions import (
    celu,
    elu,
    exp as exponential,
    gelu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from nnlite.ops.names.pointwise import glu
from nnlite.registry import Configurable
from nnlite.registry.functions import custom_function, form_of_function, is_function_form
from nnlite.registry.modules import keras_form
from nnlite.registry.names import custom_object_scope

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

hard_swish, swish = hard_silu, silu
FUNCTIONS: dict[str, Callable[..., Any]] = {name: globals()[name] for name in __all__ if name in globals()}


def get(identifier: Any) -> Callable[..., Any]:
    """The activation function that a name, a config (also in Keras's form) or a function describes; `linear` for None.

    >>> get("relu")([-1.0, 2.0]).tolist(), get({"LeakyReLU": {"negative_slope": 0.5}})([-1.0, 2.0]).tolist()
    ([0.0, 2.0], [-0.5, 2.0])

    Raises:
        ConfigError: no such activation function.
    """
    if identifier is None:
        return linear
    if is_function_form(identifier):
        identifier = identifier["config"]
    if isinstance(identifier, str):
        identifier = FUNCTIONS.get(identifier) or custom_function(identifier) or identifier
    return identifier if callable(identifier) else ActivationFunction.get(identifier)


def serialize(activation: Callable[..., Any]) -> Any:
    """The inverse of `get`: a name, Keras's form of a user-defined function, or `{class name: {argument: value}}`."""
    if isinstance(activation, ActivationFunction):
        return activation.to_spec()
    if isinstance(activation, Configurable):  # a layer
        return keras_form(activation)
    if id(activation) in OP_OF_FUNCTION or activation is glu:
        return next(name for name, function in FUNCTIONS.items() if function is activation)
    try:
        return form_of_function(activation)
    except ConfigError as error:
        raise ConfigError(f"no activation that can be saved: {error}") from None


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """The function for such a name or dict; `custom_objects` maps names to functions."""
    with custom_object_scope(custom_objects):
        return get(config)
