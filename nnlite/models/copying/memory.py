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
) -> None:
    """Let the optimizer continue with what a file has of its memory; a warning where that has no meaning here.

    Args:
        model: compiled.
        arrays: the variables of its optimizer in the file.
        parameters: those of the model, in Keras's order.
        filepath: for the warning.
    """
    trainer = model.trainer
    if not arrays:
        return
    if trainer.writes_steps:
        trained = set(map(id, model.trainable_weights))
        trainer.optimizer.build([parameter for parameter in parameters if id(parameter) in trained])
        trainer.optimizer.load_own_variables({str(number): array for number, array in enumerate(arrays)})
        return
    packs = trainer.ready_steps().store.packs
    trained = _trained(packs)
    try:
        ordered = [parameter for parameter in parameters if id(parameter) in trained]
        trainer.optimizer.set_state(optimizer_state(trainer.optimizer, arrays, ordered, packs))
        trainer.optimizer.build_packs(packs)
    except NNLiteError as error:
        warn_user(f"{filepath}: the optimizer starts without what Keras kept of it: {error}", TrainingWarning)


def take_memory_with_weights(model: Any, arrays: Sequence[np.ndarray], filepath: str | PathLike) -> None:
    """As `take_memory`, of a file of weights: by an optimizer that has as many variables by now, and with its rate.

    As in Keras, one that keeps slots has them from its first step on; a model compiled anew begins without them.
    """
    optimizer = model.trainer.optimizer
    if optimizer is None or len(optimizer.variables) != len(arrays):
        return
    take_memory(model, arrays, trained_in_order(model, set(map(id, model.trainable_weights))), filepath)
    if isinstance(optimizer.learning_rate, float):
        optimizer.learning_rate = float(arrays[1])


def _trained(packs: Sequence[Any]) -> set[int]:
    return {id(parameter) for pack in packs for parameter in pack.parameters}
