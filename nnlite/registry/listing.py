"""What `nnlite list` calls the families, and how messages point to it."""

__all__ = ["LISTED", "listing_of"]

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
    """Which command lists so many names, those of a family or of the arguments of a class."""
    return f"`nnlite list {LISTED[family]}{f' {name}' if name else ''}` shows all {count}" if family in LISTED else ""
