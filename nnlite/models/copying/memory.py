"""The memory of a model's optimizer in files of Keras."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from nnlite.errors import ModelFileError, NNLiteError, TrainingWarning
from nnlite.errors.caller import warn_user
from nnlite.foreign import optimizer_state, optimizer_variables, trained_in_order
from nnlite.parameters import Parameter

__all__ = ["memory_for_keras", "take_memory", "take_memory_with_weights"]


def memory_for_keras(trainer: Any) -> dict[str, np.ndarray]:
    """The optimizer's memory as Keras keeps it, by path; empty where that has no meaning there."""
    if trainer.loss is None or trainer.model._writes_steps or not trainer.optimizer_state()["slots"]:
        return {}
    packs = trainer.ready_steps().store.packs
    try:
        return optimizer_variables(trainer.optimizer, trained_in_order(trainer.model, _trained(packs)), packs)
    except ModelFileError:
        return {}


def take_memory(
    model: Any, arrays: Sequence[np.ndarray], parameters: Sequence[Parameter], filepath: str | PathLike
) -> bool:
    """Let the optimizer continue with what a file has of its memory; a warning where that has no meaning here.

    Args:
        model: compiled.
        arrays: the variables of its optimizer in the file; nothing changes without any.
        parameters: those of the model, in Keras's order.
        filepath: for the warning.

    Returns:
        Whether the optimizer has taken them.
    """
    try:
        return bool(arrays) and _take(model.trainer, arrays, parameters)
    except NNLiteError as error:
        warn_user(f"{filepath}: the optimizer continues without its memory in the file: {error}", TrainingWarning)
        return False


def _take(trainer: Any, arrays: Sequence[np.ndarray], parameters: Sequence[Parameter]) -> bool:
    optimizer = trainer.optimizer
    if trainer.writes_steps:
        trained = set(map(id, trainer.model.trainable_weights))
        optimizer.build([parameter for parameter in parameters if id(parameter) in trained])
        wanted = len(optimizer.variables)
        if len(arrays) != wanted:
            raise ModelFileError(f"{optimizer.name} has {wanted} variables, the file has {len(arrays)}")
        optimizer.load_own_variables(_numbered(arrays))
        return True
    packs = trainer.ready_steps().store.packs
    trained = _trained(packs)
    ordered = [parameter for parameter in parameters if id(parameter) in trained]
    optimizer.set_state(optimizer_state(optimizer, arrays, ordered, packs))
    optimizer.build_packs(packs)
    return True


def take_memory_with_weights(model: Any, arrays: Sequence[np.ndarray], filepath: str | PathLike) -> None:
    """As `take_memory`, of a file of weights, and with the learning rate in it.

    As in Keras, an optimizer has its slots from its first step on: before, it takes nothing from a file with slots.
    """
    optimizer = model.trainer.optimizer
    if optimizer is None or not arrays:
        return
    if optimizer.built:
        in_order = trained_in_order(model, set(map(id, model.parameters)))
        if take_memory(model, arrays, in_order, filepath) and isinstance(optimizer.learning_rate, float):
            optimizer.variables[1].assign(arrays[1])
    elif len(optimizer.variables) == len(arrays) and not any(map(np.ndim, arrays)):
        optimizer.load_own_variables(_numbered(arrays))
    else:
        text = "the optimizer has no slots before its first step, and takes nothing from the file"
        warn_user(f"{filepath}: {text}", TrainingWarning)


def _numbered(arrays: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {str(number): array for number, array in enumerate(arrays)}


def _trained(packs: Sequence[Any]) -> set[int]:
    return {id(parameter) for pack in packs for parameter in pack.parameters}
