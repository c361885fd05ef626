"""One file per model: layers, weights, what inputs and outputs mean, `compile` arguments, the optimizer's state."""

import inspect
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import saving
from nnlite.errors import ConfigError, DataError, ModelFileError, NotReadyError
from nnlite.layers import Layer
from nnlite.models.interpretation import interpret, interpretation_header
from nnlite.training import Trainable

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = [
    "assign_weights",
    "load_model",
    "model_state",
    "pickled_state",
    "restored",
    "unpickled",
    "weight_arrays",
]


def load_model(filepath: str | PathLike, compile: bool = True) -> "BaseModel":
    """Read a model that `model.save(filepath)` wrote; with `compile`, compiled as it was.

    Import the module that defines custom layers or losses before loading the file.

    Raises:
        ModelFileError: missing, damaged or foreign file, one whose parts disagree, or one that names unknown classes.
    """
    header, arrays = saving.read(filepath)
    if header.get("content") == "weights":
        raise ModelFileError(f"{filepath} holds weights alone: build the model and call load_weights")
    if header.get("content") != "model":
        raise ModelFileError(f"{filepath} holds no model: its content is {header.get('content')!r}")
    try:
        _check_header(header)
        return restored(header if compile else {**header, "compile": None}, arrays, filepath)
    except ConfigError as error:
        messages = [one.message for one in error.each()]
        unknown = any(text.startswith("unknown ") and "import the module" not in text for text in messages)
        hint = "; import the module that defines your own classes first" if unknown else ""
        raise ModelFileError(f"{filepath}: {error}{hint}") from None
    except (DataError, NotReadyError) as error:
        message = str(error)
        raise ModelFileError(message if message.startswith(str(filepath)) else f"{filepath}: {message}") from None


def _check_header(header: dict) -> None:
    """`ModelFileError` unless the header has all that `model_state` writes, of the types that it writes."""
    missing = [key for key in ("model", "input_shape", "compile") if key not in header]
    if missing:
        raise ModelFileError(f"the header of nnlite has no {', '.join(missing)}")
    shape, arguments = header["input_shape"], header["compile"]
    if not _is_shape(shape) and not (isinstance(shape, list) and shape and all(map(_is_shape, shape))):
        raise ModelFileError(f"input_shape must be a list of lengths, or a list of such lists, got {shape!r}")
    if arguments is None:
        return
    if not isinstance(arguments, dict):
        raise ModelFileError(f"compile must be arguments by name, got {arguments!r}")
    iterations = header.get("iterations")
    if type(iterations) is not int or iterations < 0:
        raise ModelFileError(f"iterations must be an integer >= 0, got {iterations!r}")


def _is_shape(value: object) -> bool:
    """Whether a JSON value is the shape of one input: integers >= 0, or null where any length fits."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(length is None or (type(length) is int and length >= 0) for length in value)
    )


def model_state(model: "BaseModel", include_optimizer: bool = True) -> tuple[dict, dict[str, np.ndarray]]:
    """All that a file of a built model holds: the header, and the arrays by name."""
    arrays = weight_arrays(model)
    header = {"content": "model", "model": model.to_spec(), "input_shape": list(model.input_shape), "compile": None}
    header |= interpretation_header(model)
    if model.compiled and include_optimizer:
        optimizer = model.trainer.optimizer_state()
        header |= {"compile": model.trainer.config(), "iterations": optimizer["iterations"]}
        arrays |= saving.slots_to_arrays(optimizer["slots"])
    return header, arrays


def restored(header: dict, arrays: dict[str, np.ndarray], source: object) -> "BaseModel":
    """The model whose `model_state` these are; errors name `source`."""
    layer = Layer.get(header["model"])
    if not isinstance(layer, Trainable):
        raise ModelFileError(f"{source} holds a {type(layer).__name__}, which is a layer and no model")
    model: Any = layer
    model._ensure_built(tuple(header["input_shape"]))
    assign_weights(model, arrays, source)
    interpret(model, header)
    if header["compile"]:
        try:
            inspect.signature(model.compile).bind(**header["compile"])
        except TypeError as error:
            raise ModelFileError(f"{source}: the arguments of compile do not fit: {error}") from None
        _compile_as_saved(model, header["compile"])
        slots = saving.slots_from_arrays(arrays)
        model.optimizer.set_state({"iterations": header["iterations"], "slots": slots})
    return model


def _compile_as_saved(model: Any, arguments: dict[str, Any]) -> None:
    """`compile` as the model was: what its loss says about its last layer was said before it was saved."""
    with model.trainer.last_layer.postponed():
        model.compile(**arguments)


def pickled_state(model: "BaseModel") -> dict[str, Any]:
    """What a pickled model holds: that of a file, or the spec of a model that is not built."""
    if not model.built:
        compiled = model.trainer.config() if model.compiled else None
        return {"spec": model.to_spec(), "compile": compiled, "interpretation": interpretation_header(model)}
    header, arrays = model_state(model)
    return {"header": header, "arrays": arrays}


def unpickled(state: dict[str, Any]) -> "BaseModel":
    """The model whose `pickled_state` this is."""
    if "header" in state:
        return restored(state["header"], state["arrays"], "the pickled model")
    model: Any = Layer.get(state["spec"])
    interpret(model, state["interpretation"])
    if state["compile"]:
        _compile_as_saved(model, state["compile"])
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
