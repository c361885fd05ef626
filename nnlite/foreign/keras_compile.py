"""The arguments of `compile` in a Keras file."""

from typing import Any

from nnlite.errors import ConfigError, ModelFileError
from nnlite.foreign.keras_specs import described, plain_value
from nnlite.losses import Loss
from nnlite.metrics import Metric
from nnlite.optimizers import Optimizer

__all__ = ["compile_arguments", "compile_document"]

READ = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics")
STEPS = "steps_per_execution"


def compile_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """Arguments of nnlite's `compile`; entries on how Keras runs a step are ignored, but for the number of steps.

    Raises:
        ModelFileError: no optimizer, or an object that nnlite lacks.
    """
    if not config.get("optimizer"):
        raise ModelFileError("the model has no optimizer")
    settings = {name: plain_value(config.get(name), f"compile.{name}") for name in (*READ, STEPS)}
    return {name: value for name, value in settings.items() if value is not None}


FAMILY_OF: dict[str, tuple[str, Any]] = {
    "optimizer": ("optimizers", Optimizer),
    "loss": ("losses", Loss),
    "metrics": ("metrics", Metric),
    "weighted_metrics": ("metrics", Metric),
}
MADE_UP = ("accuracy", "acc")  # what they mean is found at the first data, there as here


def compile_document(arguments: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments of nnlite's `compile`, as plain values, in Keras's JSON; None if Keras lacks one of them."""
    how = {"run_eagerly": False, STEPS: arguments.get(STEPS, 1), "jit_compile": False}
    try:
        settings = {
            name: _document(arguments[name], *FAMILY_OF[name]) if name in FAMILY_OF else arguments[name]
            for name in READ
            if arguments.get(name) is not None
        }
    except (ConfigError, ModelFileError):
        return None
    return {**dict.fromkeys(READ), **settings, **how}


def _document(value: Any, family: str, root: Any) -> Any:
    """A spec, or lists and dicts by output of specs, in Keras's JSON."""
    if value is None or value in MADE_UP:
        return value
    if isinstance(value, (list, tuple)):
        return [_document(item, family, root) for item in value]
    if isinstance(value, dict) and not (len(value) == 1 and next(iter(value)) in root.members()):
        return {name: _document(item, family, root) for name, item in value.items()}
    return described(root.get(value), family, f"compile.{family}")
