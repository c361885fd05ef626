"""One file per model: layers, weights, the arguments of `compile` and the optimizer's state."""

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from nnlite import saving
from nnlite.errors import ConfigError, ModelFileError
from nnlite.layers import Layer

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["assign_weights", "load_model", "model_state", "restored", "weight_arrays"]


def load_model(filepath: str | PathLike, compile: bool = True) -> "BaseModel":
    """Read a model that `model.save(filepath)` wrote; with `compile`, compiled as it was.

    Import the module that defines custom layers or losses before loading the file.

    Raises:
        ModelFileError: missing, damaged or foreign file, or one that names unknown classes.
    """
    header, arrays = saving.read(filepath)
    if header.get("content") != "model":
        raise ModelFileError(f"{filepath} holds weights alone: build the model and call load_weights")
    try:
        return restored(header if compile else {**header, "compile": None}, arrays, filepath)
    except ConfigError as error:
        raise ModelFileError(f"{filepath}: {error}; import the module that defines your own classes first") from None


def model_state(model: "BaseModel", include_optimizer: bool = True) -> tuple[dict, dict[str, np.ndarray]]:
    """All that a file of a built model holds: the header, and the arrays by name."""
    arrays = weight_arrays(model)
    header = {"content": "model", "model": model.to_spec(), "input_shape": list(model.input_shape), "compile": None}
    if model.compiled and include_optimizer:
        optimizer = model.trainer.optimizer_state()
        header |= {"compile": model.trainer.config(), "iterations": optimizer["iterations"]}
        arrays |= saving.slots_to_arrays(optimizer["slots"])
    return header, arrays


def restored(header: dict, arrays: dict[str, np.ndarray], source: object) -> "BaseModel":
    """The model whose `model_state` these are; errors name `source`."""
    model = Layer.get(header["model"])
    model._ensure_built(tuple(header["input_shape"]))
    assign_weights(model, arrays, source)
    if header["compile"]:
        model.compile(**header["compile"])
        slots = saving.slots_from_arrays(arrays)
        model.optimizer.set_state({"iterations": header["iterations"], "slots": slots})
    return model


def weight_arrays(model: "BaseModel") -> dict[str, np.ndarray]:
    """The arrays of all parameters by their names in a file."""
    return {f"weights/{number}.{weight.name}": weight.value for number, weight in enumerate(model.parameters)}


def assign_weights(model: "BaseModel", arrays: dict[str, np.ndarray], source: object) -> None:
    """Copy the weights among `arrays` into the model; `ModelFileError` unless they are this model's."""
    weights = weight_arrays(model)
    arrays = {name: array for name, array in arrays.items() if name.startswith("weights/")}
    saving.check_names(weights, arrays, source)
    for name, array in arrays.items():
        weights[name][...] = array
