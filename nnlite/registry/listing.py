"""Names of the families in `nnlite list`, the hint of messages to it, and the comparison of names."""

import re

__all__ = ["LISTED", "listing_of", "normalized", "snake_case"]

# What `nnlite list` calls a family, for messages about a name that is unknown.
LISTED = {
    "layer": "layers",
    "loss": "losses",
    "metric": "metrics",
    "optimizer": "optimizers",
    "callback": "callbacks",
    "schedule": "schedules",
    "data source": "sources",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "activation function": "activations",
}


def listing_of(family: str, count: int, name: str = "") -> str:
    """The command that lists so many names, those of a family or of the arguments of a class."""
    return f"`nnlite list {LISTED[family]}{f' {name}' if name else ''}` shows all {count}" if family in LISTED else ""


def normalized(name: str) -> str:
    """`leaky_relu`, `LeakyReLU` and `leakyrelu` are one name."""
    return name.replace("_", "").lower()


def snake_case(name: str) -> str:
    """`BatchNormalization` as `batch_normalization`, `Conv2D` as `conv2d`: Keras's rule."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", name).lower()
