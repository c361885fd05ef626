"""Training of an experiment, and the run folder that it leaves behind."""

import itertools
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import nnlite
from nnlite.callbacks import Callback, CSVLogger, History
from nnlite.data import Prepared
from nnlite.documents import dump
from nnlite.errors import ConfigError, NNLiteError
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.folds import cross_validate
from nnlite.experiment.judging.intervals import validation_intervals
from nnlite.experiment.judging.measuring import judge
from nnlite.experiment.judging.thresholds import tune_threshold
from nnlite.experiment.runs import Run
from nnlite.models.base import BaseModel
from nnlite.registry.fields import Spec
from nnlite.training.epoch import Verbose

__all__ = ["Interrupted", "train"]


class Interrupted(NNLiteError):
    """Training that Ctrl-C ended; the message says what was kept."""

    exit_code = 130


def train(
    experiment: Experiment,
    out: str | Path | None = None,
    quiet: bool = False,
    folds: int | None = None,
    callbacks: Sequence[Spec[Callback]] = (),
) -> Run:
    """Train, measure, and keep everything in a new folder, which appears under its name when it is complete.

    Args:
        experiment: what to train.
        out: the folder, new or empty; `runs/<config name>-<n>` with the lowest free n when None.
        quiet: show nothing while training.
        folds: cross-validate first, in so many folds; the figures are kept as `folds.json` beside the model, which is
            trained as without them.
        callbacks: further ones, which are no part of the config that is kept.

    Raises:
        ConfigError, DataError: the config or the data cannot be used; nothing is written.
        Interrupted: Ctrl-C after the first epoch; the epochs so far and their model are kept in the folder.
    """
    if out is not None and os.path.lexists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise ConfigError(f"{out}: already exists and is not an empty folder; choose another one")
    model, data = experiment.prepare()
    arguments = experiment.fit_arguments(data)
    arguments["callbacks"] = [*(arguments.get("callbacks") or ()), *callbacks]
    rounds = cross_validate(experiment, folds, quiet) if folds else None
    parent = Path(out).parent if out else Path("runs")
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=parent) as temporary:
        folder = Path(temporary, "run")
        folder.mkdir()
        with experiment.explaining():
            interrupted_after = _fit(model, data, arguments, folder, quiet)
        tune_threshold(model, data, experiment.data.threshold)
        _write(folder, experiment, model, data)
        if rounds:
            (folder / "folds.json").write_text(_json(rounds), encoding="utf-8")
        final = Path(out) if out else _next_free(parent, experiment.name)
        if final.exists():
            final.rmdir()
        folder.rename(final)
    if interrupted_after:
        raise Interrupted(f"interrupted after epoch {interrupted_after}; model and history so far are kept in {final}")
    return Run(final)


def _fit(model: BaseModel, data: Prepared, arguments: dict, folder: Path, quiet: bool) -> int:
    """Train; the number of epochs done if Ctrl-C ended it, else 0."""
    done = History()
    callbacks = [*arguments.pop("callbacks"), done, CSVLogger(folder / "history.csv")]
    verbose: Verbose = 0 if quiet else "auto"
    validation = data.arrays("validation") if "validation" in data.parts else None
    x, y, *weights = data.arrays("training")
    given = {"sample_weight": weights[0] if weights else None, "validation_data": validation}
    try:
        model.fit(x, y, callbacks=callbacks, verbose=verbose, **given, **arguments)
    except KeyboardInterrupt:
        if not done.epoch:
            raise
        return len(done.epoch)
    return 0


def _write(folder: Path, experiment: Experiment, model: BaseModel, data: Prepared) -> None:
    config = {**experiment.get_config(), "data": data.data.to_spec()}
    config["compile"] = {**experiment.compile, "loss": experiment.compile["loss"] or model.trainer.loss.to_spec()}
    balanced = bool(experiment.fit["class_weight"])
    versions = {"nnlite": nnlite.__version__, "python": platform.python_version(), "numpy": np.__version__}
    texts = {
        "config.yaml": dump(config),
        "metrics.json": _json(judge(model, data, balanced).to_dict()),
        "preprocessing.json": _json(data.preprocessing.to_spec()),
        "environment.json": _json({**versions, "seed": experiment.seed}),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    experiment.interpret(model, data.preprocessing, data.data.source)  # as it is after training
    model._interpretation.intervals = validation_intervals(model, data)
    model.save(folder / "model.safetensors")


def _json(values: dict) -> str:
    return json.dumps(values, indent=2, allow_nan=False) + "\n"


def _next_free(parent: Path, name: str) -> Path:
    return next(path for n in itertools.count(1) if not (path := parent / f"{name}-{n}").exists())
