"""The run folder: the results of a training run, and what can be done with them later."""

import copy
import dataclasses
import filecmp
import os
import warnings
from pathlib import Path
from typing import Any

from nnlite.arrays.fingerprints import fingerprint
from nnlite.data import Prepared, Preprocessing
from nnlite.errors import DataError, TrainingWarning
from nnlite.errors.boundary import reading
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.judging.measuring import measure
from nnlite.experiment.running.environment import warn_of_changes
from nnlite.experiment.running.states import read_state
from nnlite.models import load_model
from nnlite.saving import check_manifest, read_json, reading_saved
from nnlite.trained import TrainedModel

__all__ = ["Run", "check_run", "data_prints", "read_folds", "read_preprocessing"]

BESIDE_PARTS = ("baseline", "warnings", "calibration")  # keys of metrics.json that are not part of the data


class Run:
    """The folder of a finished training run.

    It holds `config.yaml` (every default spelled out; data files by absolute path, or relative to the folder where
    they lie beside it), `history.csv`, `model.safetensors`, `metrics.json`, `preprocessing.json`, `environment.json`,
    `state.json`, and `manifest.json`, the SHA-256 of each of the others but the state; after a cross-validation
    `folds.json` as well.

    Args:
        folder: its path.

    Raises:
        ConfigError: a config that cannot be read.
        DataError: not a run folder, a damaged one, or one whose files do not belong together.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        with reading(self.folder):
            check_run(self.folder)
            state = read_state(self.folder)["state"]
            if not (self.folder / "model.safetensors").exists() and state not in ("finished", "unknown"):
                raise DataError(f"{folder}: {_outcome(state)}; continue with: nnlite train --resume {folder}")
            check_manifest(self.folder)
            self.experiment = Experiment.from_file(self.folder / "config.yaml")
            self.preprocessing = read_preprocessing(self.folder)
            self.model = load_model(self.folder / "model.safetensors")
            self._interpret()
            self.trained = TrainedModel(self.model)

    def _interpret(self) -> None:
        """Let the model know what its inputs and outputs mean; `DataError` where its file and the folder disagree."""
        path, learnt, model = self.folder / "preprocessing.json", self.preprocessing, self.model
        with reading_saved(path, DataError):
            if model.target is None:  # a file that was written before targets were kept in it
                self.experiment.interpret(model, learnt, self.experiment.data.source)
            learnt.target.check_outputs(model.output_shape)
        pairs = {"inputs": (model.encoder, learnt.inputs), "target": (model.target, learnt.target)}
        for name, (of_model, other) in pairs.items():
            if of_model is not None and of_model.to_spec() != other.to_spec():
                raise DataError(f"{path}: {name} are not those in model.safetensors; restore it from a copy")

    @property
    def metrics(self) -> dict[str, dict[str, float | None]]:
        """Metrics of each part as measured at the end of training."""
        return {part: figures for part, figures in self._judged().items() if part not in BESIDE_PARTS}

    @property
    def baseline(self) -> dict[str, dict[str, float | None]]:
        """The metrics of a baseline that ignores the inputs."""
        return self._judged().get("baseline", {})

    @property
    def warnings(self) -> list[str]:
        """Warnings about the metrics."""
        return self._judged().get("warnings", [])

    @property
    def calibration(self) -> dict[str, Any] | None:
        """Calibration of the probabilities, with metrics before and after; None if they were not calibrated."""
        return self._judged().get("calibration")

    @property
    def folds(self) -> dict[str, Any]:
        """The metrics of a cross-validation, as of `cross_validate`; empty if there was none."""
        return read_folds(self.folder)

    def _judged(self) -> dict[str, Any]:
        return read_json(self.folder / "metrics.json")

    def evaluate(self, data: str | Path | None = None) -> dict[str, dict[str, float | None]]:
        """The same metrics, recomputed: the data is loaded and split as in training.

        Args:
            data: the current path of the file or folder of the data, if it was moved. A warning tells when it holds
                data other than those of the training.

        Raises:
            DataError: no such data, or data that do not fit.
            ConfigError: `data` is given, and the source reads no single file.
        """
        warn_of_changes(self.folder)
        prepared = self._prepared(data)
        if data is not None and self._prints() not in (None, data_prints(prepared)):
            message = f"{data}: not the data of the training; the metrics are those of other rows"
            warnings.warn(message, TrainingWarning, stacklevel=2)
        return measure(self.model, prepared)

    def learned_from(self, path: str | Path) -> bool:
        """Whether a file is the one that holds the training rows, or a copy of it."""
        try:
            files = self.experiment.located_data().source.files
        except DataError:  # they were moved
            return False
        return any(_is_copy(Path(path), Path(file)) for file in files)

    def _prepared(self, data: str | Path | None) -> Prepared:
        moved = self._moved(data)
        try:
            moved.located_data()
        except DataError as error:
            raise DataError(
                f"{error}; if the data were moved, say where they are: nnlite evaluate {self.folder} --data FILE"
            ) from None
        return moved.prepare(self.preprocessing)[1]

    def _moved(self, data: str | Path | None) -> Experiment:
        """The experiment with its data at another path."""
        if data is None:
            return self.experiment
        experiment = copy.copy(self.experiment)
        source = experiment.data.source.elsewhere(os.path.abspath(data))
        experiment.data = dataclasses.replace(experiment.data, source=source)
        return experiment

    def _prints(self) -> Any:
        """The fingerprints of the data of the training; None if they were not recorded."""
        path = self.folder / "environment.json"
        return read_json(path).get("data") if path.is_file() else None

    def predict(self, path: str) -> dict[str, Any]:
        """Named columns with one prediction per row of a file like the training data, target not needed.

        Classes give the most probable label and the probability of each class; a regression gives the prediction
        in the target's own unit.

        Raises:
            DataError: no such file, missing columns, another number of features.
        """
        return self.trained.table(path)


def _outcome(state: str) -> str:
    verb = {"running": "is", "killed": "was", "interrupted": "was"}.get(state, "has")
    return f"the training {verb} {state}"


def check_run(folder: Path) -> None:
    """`DataError` unless it is a run folder."""
    if not (folder / "config.yaml").is_file():
        raise DataError(f"{folder}: not a run folder, it has no config.yaml")


def read_folds(folder: Path) -> dict[str, Any]:
    """The metrics of the folds of a run folder; empty if there are none; `DataError` if they are damaged."""
    path = folder / "folds.json"
    return read_json(path) if path.is_file() else {}


def read_preprocessing(folder: Path) -> Preprocessing:
    """The encoders of a run folder; `DataError` if they are missing or damaged."""
    path = folder / "preprocessing.json"
    with reading_saved(path, DataError):
        return Preprocessing.get(read_json(path))


def _is_copy(path: Path, original: Path) -> bool:
    if not path.is_file() or not original.is_file():
        return False
    return path.samefile(original) or filecmp.cmp(path, original, shallow=False)


def data_prints(data: Prepared) -> dict[str, str]:
    """The fingerprint of the arrays of each part."""
    return {part: fingerprint(*data.arrays(part)) for part in data.parts}
