"""Learning curves: loss and metrics, epoch by epoch."""

import numpy as np

from nnlite.callbacks.history import curves
from nnlite.errors import DataError
from nnlite.report.evidence.files import read_history
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import figures, notice, section

__all__ = ["learning_section"]


def learning_section(subject: Subject) -> str:
    """One chart for each number that was logged: training and validation."""
    try:
        history = read_history(subject.run.folder)
    except DataError as error:
        return section("learning", "Learning", notice(str(error), loud=True))
    epochs = [int(epoch) for epoch in history.pop("epoch", [])]
    charts = curves(epochs, history)
    return section("learning", "Learning", _sentence(epochs, history), figures(*charts))


def _sentence(epochs: list[int], history: dict[str, list[float]]) -> str:
    losses = np.asarray(history.get("val_loss", []), float)
    if not np.isfinite(losses).any():
        return notice(f"{len(epochs)} epochs.")
    best = int(np.nanargmin(losses))
    return notice(f"{len(epochs)} epochs, counted from 0; the validation loss is lowest in epoch {epochs[best]}.")
