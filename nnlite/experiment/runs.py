"""The run folder: what a training leaves behind, and what can be done with it later."""

import csv
import itertools
import json
import math
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import nnlite
from nnlite.callbacks import CSVLogger, History
from nnlite.data import Prepared, Preprocessing
from nnlite.documents import dump
from nnlite.errors import ConfigError, DataError, NNLiteError
from nnlite.experiment.experiment import Experiment
from nnlite.models import Sequential, load_model
from nnlite.models.base import BaseModel
from nnlite.ops import Sigmoid, Softmax
from nnlite.training.epoch import Verbose


class Interrupted(NNLiteError):
    """Training that Ctrl-C ended; the message says what was kept."""

    exit_code = 130


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
    def metrics(self) -> dict[str, dict[str, float]]:
        """Metrics of each part as measured at the end of training."""
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


def train(experiment: Experiment, out: str | Path | None = None, quiet: bool = False) -> Run:
    """Train, measure, and keep everything in a new folder, which appears under its name when it is complete.

    Args:
        experiment: what to train.
        out: the folder, new or empty; `runs/<config name>-<n>` with the lowest free n when None.
        quiet: show nothing while training.

    Raises:
        ConfigError, DataError: the config or the data cannot be used; nothing is written.
        Interrupted: Ctrl-C after the first epoch; the epochs so far and their model are kept in the folder.
    """
    if out is not None and os.path.lexists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise ConfigError(f"{out}: already exists and is not an empty folder; choose another one")
    model, data = experiment.prepare()
    arguments = experiment.fit_arguments(data)
    parent = Path(out).parent if out else Path("runs")
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=parent) as temporary:
        folder = Path(temporary, "run")
        folder.mkdir()
        with experiment.explaining():
            interrupted_after = _fit(model, data, arguments, folder, quiet)
        _write(folder, experiment, model, data)
        final = Path(out) if out else _next_free(parent, experiment.name)
        if final.exists():
            final.rmdir()
        folder.rename(final)
    if interrupted_after:
        raise Interrupted(f"interrupted after epoch {interrupted_after}; model and history so far are kept in {final}")
    return Run(final)


def measure(model: BaseModel, data: Prepared) -> dict[str, dict[str, float | None]]:
    """Loss and metrics of the validation and test part, or of the training part if there is neither.

    A value that is not finite is None, as JSON has no number for it. For a standardised target, loss and errors are
    in standard deviations of the target.
    """
    measured = {}
    for part in [part for part in data.parts if part != "training"] or ["training"]:
        values = model.evaluate(*data.parts[part], return_dict=True, verbose=0)
        measured[part] = {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
    return measured


def write_table(columns: dict[str, list], file: Any) -> None:
    """Write named columns as CSV, every number in its shortest exact form."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell) for cell in row] for row in zip(*columns.values(), strict=True))


def _fit(model: Sequential, data: Prepared, arguments: dict, folder: Path, quiet: bool) -> int:
    """Train; the number of epochs done if Ctrl-C ended it, else 0."""
    done = History()
    callbacks = [*(arguments.pop("callbacks") or ()), done, CSVLogger(folder / "history.csv")]
    verbose: Verbose = 0 if quiet else "auto"
    validation = data.parts.get("validation")
    try:
        model.fit(
            *data.parts["training"], validation_data=validation, callbacks=callbacks, verbose=verbose, **arguments
        )
    except KeyboardInterrupt:
        if not done.epoch:
            raise
        return len(done.epoch)
    return 0


def _write(folder: Path, experiment: Experiment, model: Sequential, data: Prepared) -> None:
    config = {**experiment.get_config(), "data": experiment.located_data().to_spec()}
    versions = {"nnlite": nnlite.__version__, "python": platform.python_version(), "numpy": np.__version__}
    texts = {
        "config.yaml": dump(config),
        "metrics.json": _json(measure(model, data)),
        "preprocessing.json": _json(data.preprocessing.to_spec()),
        "environment.json": _json({**versions, "seed": experiment.seed}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    model.save(folder / "model.safetensors")


def _json(values: dict) -> str:
    return json.dumps(values, indent=2, allow_nan=False) + "\n"


def _next_free(parent: Path, name: str) -> Path:
    return next(path for n in itertools.count(1) if not (path := parent / f"{name}-{n}").exists())
