"""The run folder: what a training leaves behind, and what can be done with it later."""

import json
from pathlib import Path
from typing import Any

from nnlite.data import Preprocessing
from nnlite.errors import DataError
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.judging.measuring import measure
from nnlite.experiment.running.environment import warn_of_changes
from nnlite.experiment.running.states import read_state
from nnlite.models import load_model
from nnlite.trained import TrainedModel

__all__ = ["Run", "check_run", "read_folds", "read_preprocessing"]


class Run:
    """The folder of a finished training.

    It holds `config.yaml` (every default spelled out, data files by absolute path), `history.csv`,
    `model.safetensors`, `metrics.json`, `preprocessing.json`, `environment.json` and `state.json`; after a
    cross-validation `folds.json` as well.

    Args:
        folder: its path.

    Raises:
        DataError: not a run folder, or a damaged one.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        check_run(self.folder)
        state = read_state(self.folder)["state"]
        if not (self.folder / "model.safetensors").exists() and state not in ("finished", "unknown"):
            raise DataError(f"{folder}: the training is {state}; go on with: nnlite train --resume {folder}")
        self.experiment = Experiment.from_file(self.folder / "config.yaml")
        self.preprocessing = read_preprocessing(self.folder)
        self.model = load_model(self.folder / "model.safetensors")
        if self.model.target is None:  # a file that was written before targets were kept in it
            self.experiment.interpret(self.model, self.preprocessing, self.experiment.data.source)
        self.trained = TrainedModel(self.model)

    @property
    def metrics(self) -> dict[str, dict[str, float | None]]:
        """Metrics of each part as measured at the end of training."""
        return {part: figures for part, figures in self._judged().items() if part not in ("baseline", "warnings")}

    @property
    def baseline(self) -> dict[str, dict[str, float | None]]:
        """The same of the best answer that looks at no input."""
        return self._judged().get("baseline", {})

    @property
    def warnings(self) -> list[str]:
        """What to doubt about the metrics."""
        return self._judged().get("warnings", [])

    @property
    def folds(self) -> dict[str, Any]:
        """The figures of a cross-validation, as of `cross_validate`; empty if there was none."""
        return read_folds(self.folder)

    def _judged(self) -> dict[str, Any]:
        path = self.folder / "metrics.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: missing or damaged ({error})") from None

    def evaluate(self) -> dict[str, dict[str, float | None]]:
        """The same metrics measured again: the data is loaded and split as in training."""
        warn_of_changes(self.folder)
        _, data = self.experiment.prepare(self.preprocessing)
        return measure(self.model, data)

    def predict(self, path: str) -> dict[str, Any]:
        """Named columns with one prediction per row of a file like the training data, target not needed.

        Classes give the most probable label and the probability of each class; a regression gives the prediction
        in the target's own unit.

        Raises:
            DataError: no such file, missing columns, another number of features.
        """
        return self.trained.table(path)


def check_run(folder: Path) -> None:
    """`DataError` unless it is a run folder."""
    if not (folder / "config.yaml").is_file():
        raise DataError(f"{folder}: not a run folder, it has no config.yaml")


def read_folds(folder: Path) -> dict[str, Any]:
    """The figures of the folds of a run folder; empty if there are none; `DataError` where they are damaged."""
    path = folder / "folds.json"
    if not path.is_file():
        return {}
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error})") from None
    if not isinstance(figures, dict):
        raise DataError(f"{path}: damaged (expected an object)")
    return figures


def read_preprocessing(folder: Path) -> Preprocessing:
    """The encoders of a run folder; `DataError` where they are missing or damaged."""
    path = folder / "preprocessing.json"
    try:
        return Preprocessing.get(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # no text, no JSON, or not what an encoder needs
        raise DataError(f"{path}: damaged ({error})") from None
