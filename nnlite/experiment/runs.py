"""The run folder: what a training leaves behind, and what can be done with it later."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.data import Preprocessing
from nnlite.errors import DataError
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.measuring import measure
from nnlite.models import load_model
from nnlite.ops import Sigmoid, Softmax

__all__ = ["Run", "write_table"]


class Run:
    """The folder of a finished training.

    It holds `config.yaml` (every default spelled out, data files by absolute path), `history.csv`,
    `model.safetensors`, `metrics.json`, `preprocessing.json` and `environment.json`.

    Args:
        folder: its path.

    Raises:
        DataError: not a run folder, or a damaged one.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / "config.yaml").is_file():
            raise DataError(f"{folder}: not a run folder, it has no config.yaml")
        self.experiment = Experiment.from_file(self.folder / "config.yaml")
        self.preprocessing = self._preprocessing()
        self.model = load_model(self.folder / "model.safetensors")

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
        """The figures of a cross-validation: `folds`, `mean`, `spread` and `baseline`; empty if there was none."""
        path = self.folder / "folds.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _judged(self) -> dict[str, Any]:
        path = self.folder / "metrics.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: missing or damaged ({error})") from None

    def evaluate(self) -> dict[str, dict[str, float | None]]:
        """The same metrics measured again: the data is loaded and split as in training."""
        _, data = self.experiment.prepare(self.preprocessing)
        return measure(self.model, data)

    def predict(self, path: str) -> dict[str, Any]:
        """Named columns with one prediction per row of a file like the training data, target not needed.

        Classes give the most probable label and the probability of each class; a regression gives the prediction
        in the target's own unit.

        Raises:
            DataError: no such file, missing columns, another number of features.
        """
        inputs = self.experiment.data.source.read_inputs(path)
        outputs = self.model.predict(self._encoded(inputs, path), verbose=0)
        loss = self.model.trainer.loss
        if loss.from_logits:
            to_probabilities = Sigmoid() if loss.target_kind == "binary" else Softmax()
            outputs = to_probabilities.linearize(outputs)[0]
        return self.preprocessing.target.decode(outputs)

    def _encoded(self, inputs, path: str) -> np.ndarray:
        try:
            return self.preprocessing.inputs.encode(inputs)
        except DataError as error:
            raise error if path in str(error) else type(error)(f"{path}: {error}") from None

    def _preprocessing(self) -> Preprocessing:
        path = self.folder / "preprocessing.json"
        try:
            return Preprocessing.get(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from None
        except ValueError as error:  # no text, no JSON, or not what an encoder needs
            raise DataError(f"{path}: damaged ({error})") from None


def write_table(columns: dict[str, list], file: Any) -> None:
    """Write named columns as CSV, every number in its shortest exact form."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell) for cell in row] for row in zip(*columns.values(), strict=True))
