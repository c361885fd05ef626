"""The arguments of `compile` in a file of Keras."""

from typing import Any

from nnlite.errors import ModelFileError
from nnlite.foreign.keras_specs import plain_value

__all__ = ["compile_arguments"]

READ = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")


def compile_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of nnlite's `compile`; entries that say how Keras runs a step are passed over.

    Raises:
        ModelFileError: no optimizer, or an object that nnlite lacks.
    """
    if not config.get("optimizer"):
        raise ModelFileError("the model has no optimizer")
    given = {name: plain_value(config.get(name), f"compile.{name}") for name in READ}
    return {name: value for name, value in given.items() if value is not None}
