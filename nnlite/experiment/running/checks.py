"""Checks before training of what would fail after it."""

import math
import os
from pathlib import Path
from typing import Any

from nnlite.callbacks.checkpoints import check_writable, nearest_folder
from nnlite.errors import ConfigError
from nnlite.experiment.running import locks, states
from nnlite.models.base import BaseModel
from nnlite.saving import need_space

__all__ = ["check_folder", "check_learning_rate", "check_space"]

RESERVE = 2**20  # bytes in addition to the model: history, metrics, config
BEFORE_CONFIG = {locks.NAME, states.NAME, "preprocessing.json", "environment.json"}  # what a run writes before it


def check_folder(out: str | Path | None) -> None:
    """`ConfigError` unless a run folder can be created there, and its parent is writable.

    It may be new, empty, or what a run left that was killed before it had written its config.
    """
    if out is not None and os.path.lexists(out) and (not os.path.isdir(out) or not _is_free(os.listdir(out))):
        raise ConfigError(f"{out}: already exists and is not an empty folder; choose another")
    check_writable(Path(out or "runs") / "config.yaml", "out")


def _is_free(names: list[str]) -> bool:
    written = {name for name in names if not name.endswith(".tmp")}
    return not names or (locks.NAME in written and written <= BEFORE_CONFIG)


def check_space(model: BaseModel, out: str | Path | None, files: int) -> None:
    """`OutputError` unless the disk has room for this many files of the model and of the optimizer's state."""
    size = 3 * sum(value.nbytes for value in model.values)
    folder = Path(out or "runs")
    need_space(nearest_folder(folder), size * files + RESERVE, folder)


def check_learning_rate(model: BaseModel) -> None:
    """`ConfigError` for a learning rate that is not finite; a schedule checks its own when training begins."""
    rate: Any = model.optimizer.learning_rate
    if isinstance(rate, (int, float)) and not math.isfinite(rate):
        raise ConfigError(f"the learning rate must be finite, got {rate}", ("compile", "optimizer", "learning_rate"))
