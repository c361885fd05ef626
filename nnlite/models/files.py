"""One file per model: layers, weights, meaning of inputs and outputs, `compile` arguments, the optimizer's state."""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import saving
from nnlite.errors import ModelFileError, NNLiteError, TrainingWarning, shown
from nnlite.errors.caller import warn_user
from nnlite.foreign import (
    assign_datasets,
    compile_arguments,
    compile_document,
    encode_extra,
    is_foreign_file,
    kept_beside,
    load_keras,
    read_extra,
    save_keras,
    size_in_memory,
    weights_of,
)
from nnlite.initializers.blank import values_follow
from nnlite.layers import Layer
from nnlite.layers.base.contract.building import without_batch
from nnlite.models.copying.memory import memory_for_keras, take_memory
from nnlite.models.copying.own_parts import (
    OWN,
    beside_weights,
    build_as_told,
    compile_as_saved,
    compiled_by_itself,
    free_layers,
    freed_layers,
    own_configs,
    own_parts,
    renumbered,
    take_own_parts,
    weight_arrays,
)
from nnlite.models.header import ModelHeader, form_of_data, take_form_of_data
from nnlite.models.interpretation import check_encoder, interpret, interpretation_header
from nnlite.registry.fields import alone
from nnlite.registry.names import custom_object_scope

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = [
    "assign_weights",
    "from_keras",
    "load_model",
    "model_state",
    "pickled_state",
    "read_keras",
    "restored",
    "save_as_keras",
    "unpickled",
    "weight_arrays",
]


def load_model(
    filepath: str | PathLike,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> "BaseModel":
    """Load a model saved by `model.save(filepath)`; with `compile`, compiled as it was saved.

    Import the module that defines custom layers or losses before loading the file.

    Args:
        filepath: the file.
        custom_objects: classes and functions by their names in the file, see `custom_object_scope`.
        compile: whether to compile the model as it was when it was saved.
        safe_mode: accepted for compatibility; files hold no code, so loading is always safe.

    Raises:
        ModelFileError: a file that is missing, damaged, inconsistent or not of nnlite, or that names unknown classes.
    """
    with custom_object_scope(custom_objects), saving.reading_saved(filepath), alone():
        if is_foreign_file(filepath):
            return read_keras(filepath, compile)
        header, arrays = saving.read(filepath)
        if header.get("content") == "weights":
            raise ModelFileError(f"{filepath} holds weights alone: build the model and call load_weights")
        if header.get("content") != "model":
            raise ModelFileError(f"{filepath} holds no model: its content is {header.get('content')!r}")
        return restored(header if compile else {**header, "compile": None}, arrays, filepath)


def model_state(model: "BaseModel", include_optimizer: bool = True) -> tuple[dict, dict[str, np.ndarray]]:
    """The contents of a built model's file: the header, and the arrays by name."""
    check_encoder(model)  # what could not be read is not written
    arrays = weight_arrays(model) | own_parts(model)
    shape = list(model._free_shapes[0]) if model.built else None
    header = {"content": "model", "model": model.to_spec(), "input_shape": shape, "compile": None}
    header |= interpretation_header(model)
    header |= form_of_data(model) | own_configs(model) | freed_layers(model)
    header |= {"draws_seed": True} if model._draws_seed else {}
    if model.compiled and include_optimizer:
        optimizer = model.trainer.optimizer_state()
        header |= {"compile": model.trainer.config_as_given(), "iterations": optimizer["iterations"]}
        arrays |= saving.slots_to_arrays(optimizer["slots"])
    return header, arrays


def restored(header: dict, arrays: dict[str, np.ndarray], source: object) -> "BaseModel":
    """The model for this `model_state`; errors name `source`.

    Nothing is drawn, and layers get no more memory than there are weights.
    """
    described = ModelHeader.get(header)
    saving.check_count(described.model, len(arrays), source)
    _check_prefixes(arrays, described, source)
    with values_follow(sum(array.nbytes for name, array in arrays.items() if name.startswith("weights/"))):
        model = _built(described, source)
    assign_weights(model, arrays, source, exact=True)
    _take_rest(model, described, header, arrays, source)
    return model


def _built(header: ModelHeader, source: object) -> Any:
    """The model that a header describes, built; its weights follow."""
    model: Any = Layer.get(header.model)
    if not model._builds_itself:
        raise ModelFileError(f"{source} holds a {type(model).__name__}, which is a layer, not a model")
    model._draws_seed, model._made_name = header.draws_seed, model._name_stem  # as in a process that made no other
    take_form_of_data(model, header)
    build_as_told(model, header.input_shape, header.builds or {})
    free_layers(model, header.trainable)
    if header.input_shape is not None and without_batch(model.input_shape) != without_batch(header.input_shape):
        raise ModelFileError(f"{source}: input_shape is {shown(header.input_shape)}, not {model.input_shape}")
    return model


def _take_rest(model: Any, known: ModelHeader, header: dict, arrays: dict[str, np.ndarray], source: object) -> None:
    """Let a model that has its weights take what else a file says: the meaning of its data, and how it was compiled."""
    interpret(model, header)
    take_own_parts(model, arrays, source)
    if known.compile is not None and known.compile_config is not None:
        model.compile_from_config(known.compile_config)
    elif known.compile is None or not compiled_by_itself(model, known.compile, source):
        return
    if model.compiled:
        slots, trainer = saving.slots_from_arrays(arrays), model.trainer
        trainer.optimizer.set_state({"iterations": known.iterations, "slots": slots})
        if slots and not trainer.writes_steps:  # so that its variables are there before the next step
            trainer.optimizer.build_packs(trainer.ready_steps().store.packs)


def _check_prefixes(arrays: dict[str, np.ndarray], header: ModelHeader, source: object) -> None:
    """`ModelFileError` for arrays that are neither weights nor those of what the header says of a training."""
    prefixes = ("weights/", OWN, *(("training/",) if header.training is not None else ()), "optimizer/")
    if foreign := sorted(name for name in arrays if not name.startswith(prefixes)):
        raise ModelFileError(f"{source} does not fit the model; left over: {', '.join(foreign)}")


def pickled_state(model: "BaseModel") -> dict[str, Any]:
    """State of a pickled model: that of a file, or the spec of an unbuilt model."""
    if not model.built:
        state = {"spec": model.to_spec(), "compile": model.trainer.config_as_given() if model.compiled else None}
        return {**state, "draws_seed": model._draws_seed, "interpretation": interpretation_header(model)}
    return {**dict(zip(("header", "arrays"), model_state(model), strict=True)), "made_name": model._made_name}


def unpickled(state: dict[str, Any]) -> "BaseModel":
    """The model for this `pickled_state`."""
    if "header" in state:
        model: Any = restored(state["header"], state["arrays"], "the pickled model")
        model._made_name = state.get("made_name") or model._made_name
        return model
    model = Layer.get(state["spec"])
    model._draws_seed = state["draws_seed"]
    interpret(model, state["interpretation"])
    if state["compile"]:
        compile_as_saved(model, state["compile"])
    return model


def assign_weights(
    model: "BaseModel", arrays: dict[str, np.ndarray], source: object, exact: bool = False, skip_mismatch: bool = False
) -> None:
    """Copy the weights among `arrays` into the model; `ModelFileError` unless they match.

    Args:
        model: built.
        arrays: of a file.
        source: what errors name.
        exact: whether their types must be those of the model's weights; else precision may differ.
        skip_mismatch: whether those of another shape are left out, with a warning that names them.
    """
    weights = weight_arrays(model)
    arrays = {name: array for name, array in arrays.items() if name.startswith("weights/")}
    arrays = renumbered(weights, arrays)
    if skip_mismatch:
        fits = saving.names_that_fit({name: weight.shape for name, weight in weights.items()}, arrays, source)
        weights, arrays = ({name: group[name] for name in fits} for group in (weights, arrays))
    saving.check_names(weights, arrays, source, exact)
    with np.errstate(over="ignore"):
        lost = [name for name, array in arrays.items() if overflows(array, weights[name].dtype)]
    if lost:
        raise ModelFileError(f"{source} holds numbers beyond {weights[lost[0]].dtype}: {', '.join(lost)}")
    for name, array in arrays.items():
        weights[name][...] = array


def overflows(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether a finite number of the array is infinite in `dtype`."""
    changes = array.dtype != dtype and dtype.kind == "f"
    return changes and bool((np.isinf(array.astype(dtype)) & np.isfinite(array)).any())


def from_keras(filepath: str | PathLike, compile: bool = False) -> "BaseModel":
    """The model of a `.keras` file that Keras 3 wrote, with its weights: `Sequential` or functional.

    Its predictions are those of Keras to rounding. With `compile` an optimizer has the state in the file; one
    whose slots mean something else here starts without memory, with a warning.

    Args:
        filepath: of the file.
        compile: whether to compile it as it was; what nnlite has no word for is a warning, and leaves it uncompiled.

    Raises:
        ModelFileError: no such file, a damaged one, or one of a layer or an argument that nnlite does not have.
        MissingLibraryError: h5py is not installed.
    """
    if not is_foreign_file(filepath):
        raise ModelFileError(f"{filepath} is not a .keras file: Keras writes one by model.save('name.keras')")
    with saving.reading_saved(filepath), alone():
        return read_keras(filepath, compile)


def read_keras(filepath: str | PathLike, compile: bool) -> "BaseModel":
    """The model of a `.keras` file; one that nnlite wrote is restored completely, with the optimizer's state."""
    extra = kept_beside(filepath)
    if extra is not None:
        header, slots = read_extra(extra, filepath)
        described = ModelHeader.get(header if compile else {**header, "compile": None})
        _check_prefixes(slots, described, filepath)
        with weights_of(filepath) as datasets:
            saving.check_count(described.model, len(datasets), filepath)
            with values_follow(size_in_memory(datasets)):
                model = _built(described, filepath)
            assign_datasets(model, datasets, filepath)
        _take_rest(model, described, header, slots, filepath)
        return model
    read = load_keras(filepath)
    if compile and read.compiled:
        try:
            compile_as_saved(read.model, compile_arguments(read.compiled))
        except (NNLiteError, TypeError) as error:
            warn_user(f"{filepath}: the model is not compiled: nnlite lacks what it asks for: {error}", TrainingWarning)
        else:
            take_memory(read.model, read.optimizer, read.parameters, filepath)
    return read.model


def save_as_keras(
    model: "BaseModel", filepath: str | PathLike, overwrite: bool, include_optimizer: bool, zipped: bool = True
) -> None:
    """Write a `.keras` or `.h5` file, or a folder unless `zipped`, with what Keras does not provide for beside it."""
    header, arrays = model_state(model, include_optimizer)
    compiled = compile_document(header["compile"]) if header["compile"] else None
    memory, header = memory_for_keras(model.trainer) if compiled else {}, {"format": saving.FORMAT, **header}
    kept = encode_extra(header, beside_weights(arrays, filepath))
    save_keras(model, filepath, kept, overwrite, compiled, memory, zipped)
