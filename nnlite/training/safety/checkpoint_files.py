"""Checkpoints: model files that also store the state of the training."""

import re
import warnings
from collections.abc import Sequence
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import saving
from nnlite.callbacks import Callback
from nnlite.errors import ModelFileError, TrainingWarning, shown

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["Checkpoint", "checkpoint_to_continue", "latest_checkpoint", "read_checkpoint"]

NEEDED = ("plan", "epochs", "epoch", "batch", "first_epoch", "begun", "shuffled_at", "steps", "learning_rate", "loss",
          "metrics", "callbacks", "logs", "stopped")  # fmt: skip
COUNTS = ("epochs", "epoch", "batch", "first_epoch", "begun", "shuffled_at")
KINDS = {"plan": dict, "metrics": list, "callbacks": list, "logs": dict, "stopped": bool}


class Checkpoint(NamedTuple):
    """Contents of a checkpoint file.

    Attributes:
        path: the file.
        iterations: the optimizer's steps.
        state: where the training stands; `Session` knows its parts.
        arrays: weights and optimizer.
    """

    path: Path
    iterations: int
    state: dict[str, Any]
    arrays: dict[str, np.ndarray]


def checkpoint_to_continue(trainer: "Trainer", resume: Any, callbacks: Sequence[Callback]) -> Checkpoint | None:
    """The checkpoint that `fit` continues from, by its argument `resume` or a callback; None if it does not.

    A model whose seed no user gave, as when a program is restarted, takes the seed that the training began with, which
    decides the order of rows, the split and dropout.
    """
    named = (callback.resumes_from() for callback in callbacks)
    path = next((path for path in named if path is not None), None) if resume is None else resume
    if path is None:
        return None
    checkpoint, model = latest_checkpoint(path), trainer.model
    seed = checkpoint.state["plan"].get("seed")
    if model._draws_seed and type(seed) is int and seed != model.seed:
        model.seed = seed
        trainer.forget_model()
    return checkpoint


def latest_checkpoint(location: str | PathLike) -> Checkpoint:
    """The newest readable checkpoint of a folder, with a warning about unreadable ones; or that of a file.

    Args:
        location: a file, a folder of checkpoints, or a run folder, which has one inside.

    Raises:
        ModelFileError: no checkpoint can be read.
    """
    location = Path(location)
    if location.is_file():
        return read_checkpoint(location)
    folder = location / "checkpoints" if (location / "checkpoints").is_dir() else location
    damaged = None
    for path in sorted(folder.glob("step-*.safetensors"), key=_step, reverse=True):
        try:
            return read_checkpoint(path)
        except ModelFileError as error:
            damaged = damaged or error
            warnings.warn(f"{error}; the checkpoint before is taken", TrainingWarning, stacklevel=2)
    raise damaged or ModelFileError(f"{location}: no checkpoint to resume from")


def _step(path: Path) -> int:
    number = re.fullmatch(r"step-(\d+)\.safetensors", path.name)
    return int(number[1]) if number else -1


def read_checkpoint(path: Path) -> Checkpoint:
    """Contents of a file; `ModelFileError` if it is damaged, or a model file without training state."""
    header, arrays = saving.read(path)
    if "training" not in header or header.get("content") != "model":
        raise ModelFileError(f"{path}: a model file, but not a checkpoint: it does not record how far training got")
    state = saving.state_from_arrays(header["training"], arrays)
    missing = [name for name in NEEDED if not isinstance(state, dict) or name not in state]
    if missing:
        raise ModelFileError(f"{path}: the state of the training has no {', '.join(missing)}")
    counts = {"iterations": header.get("iterations"), **{name: state[name] for name in COUNTS}}
    for name, value in counts.items():
        if type(value) is not int or value < 0:
            raise ModelFileError(f"{path}: {name} must be an integer >= 0, got {value!r}")
    total, rate = state["loss"], state["learning_rate"]
    if not (isinstance(total, list) and len(total) == 2 and all(isinstance(value, Real) for value in total)):
        raise ModelFileError(f"{path}: loss must be two numbers, got {shown(total)}")
    if not (rate is None or isinstance(rate, Real)):
        raise ModelFileError(f"{path}: learning_rate must be a number, got {shown(rate)}")
    _check_rest(state, path)
    return Checkpoint(path, counts["iterations"], state, arrays)


def _check_rest(state: dict[str, Any], path: Path) -> None:
    """`ModelFileError` for a position that no training reaches, or for parts of another kind."""
    for name, kind in KINDS.items():
        if not isinstance(state[name], kind):
            raise ModelFileError(f"{path}: {name} is not what a training stores, {shown(state[name])}")
    steps = state["steps"]
    if steps is not None and (type(steps) is not int or steps < 1):
        raise ModelFileError(f"{path}: steps must be an integer >= 1, got {shown(steps)}")
    if state["first_epoch"] > state["epoch"] or state["epoch"] > state["epochs"]:
        order = f"{state['first_epoch']}, {state['epoch']} and {state['epochs']}"
        raise ModelFileError(f"{path}: first_epoch, epoch and epochs must rise, got {order}")
    if steps is not None and state["batch"] > steps:
        raise ModelFileError(f"{path}: batch is {state['batch']}, and an epoch has {steps}")
    for known in state["callbacks"]:
        if not (isinstance(known, list) and [type(part) for part in known] == [str, dict]):
            raise ModelFileError(f"{path}: callbacks must be pairs of a name and a state, got {shown(known)}")
    if not all(isinstance(value, Real) for value in state["logs"].values()):
        raise ModelFileError(f"{path}: logs must be numbers, got {shown(state['logs'])}")
