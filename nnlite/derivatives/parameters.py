"""The parameters of a model by name, and as one vector."""

from nnlite.errors import ConfigError, did_you_mean
from nnlite.jacobians import ParameterVector
from nnlite.training.parameter_names import parameter_names
from nnlite.training.trainable import Trainable

__all__ = ["parameter_names", "parameter_vector"]


def parameter_vector(
    model: Trainable, wrt: str = "parameters", input_names: list[str] | None = None
) -> ParameterVector:
    """Parameters as one vector: all trainable ones, or those of the layer named `wrt`.

    Args:
        model: whose parameters they are.
        wrt: `"parameters"` or the name of a layer.

    Raises:
        ConfigError: no such layer, or one without parameters.
    """
    ids = {id(parameter) for parameter in model.trainable_weights}
    if wrt != "parameters":
        layers = {layer.name: layer for layer in model.layers}
        if wrt not in layers:
            allowed = did_you_mean(wrt, [*model.input_names, "parameters", *(name for name in layers if name)])
            raise ConfigError(f"the Jacobian by {wrt!r} was asked for; {allowed}")
        ids = {id(parameter) for parameter in layers[wrt].parameters if not parameter.is_state}
        if not ids:
            raise ConfigError(f"{layers[wrt].label} has no parameters to differentiate with respect to")
    shapes = [parameter.shape for parameter in model.parameters]
    flags = [id(parameter) in ids for parameter in model.parameters]
    return ParameterVector(shapes, parameter_names(model), flags, model._output_dtype)
