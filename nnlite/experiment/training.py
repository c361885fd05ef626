"""Training of an experiment, and its run folder."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from nnlite.callbacks import Callback, History
from nnlite.data import Prepared
from nnlite.distributed.jobs import Backend
from nnlite.documents import dump
from nnlite.errors import ConfigError
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.folds import cross_validate
from nnlite.experiment.judging.calibration import calibrate
from nnlite.experiment.judging.intervals import validation_intervals
from nnlite.experiment.judging.measuring import judge
from nnlite.experiment.judging.thresholds import tune_threshold
from nnlite.experiment.running.checks import check_folder, check_learning_rate, check_space
from nnlite.experiment.running.data_paths import beside_folder
from nnlite.experiment.running.environment import environment, warn_of_changes
from nnlite.experiment.running.fitting import arguments_to_resume, fit, given_arguments, led
from nnlite.experiment.running.folder import Interrupted, RunFolder, Unfinished, json_text
from nnlite.experiment.running.record import RunRecord
from nnlite.experiment.running.signals import Signals
from nnlite.experiment.running.states import read_state
from nnlite.experiment.runs import Run, check_run, data_prints, read_folds, read_preprocessing
from nnlite.models.base import BaseModel
from nnlite.registry.fields import Spec
from nnlite.saving import check_manifest

__all__ = ["Interrupted", "Unfinished", "resume", "train"]


def train(
    experiment: Experiment,
    out: str | Path | None = None,
    quiet: bool = False,
    folds: int | None = None,
    callbacks: Sequence[Spec[Callback]] = (),
    jobs: int = 1,
    backend: Backend | None = None,
    scheduler: str | None = None,
) -> Run:
    """Train, evaluate, and save everything in a new folder, which exists from the start.

    Args:
        experiment: what to train.
        out: the folder, new or empty; `runs/<config name>-<n>` with the lowest free n when None.
        quiet: show nothing while training.
        folds: cross-validate first, with this many folds; the metrics are kept as `folds.json` beside the model, which
            is trained as without them. After an interruption, `resume` continues after the last fold that is finished.
        callbacks: additional ones, which are not part of the config that is kept.
        jobs, backend, scheduler: how folds are trained side by side, as for `cross_validate`.

    Raises:
        ConfigError, DataError: the config or the data cannot be used; nothing is written.
        Interrupted: Ctrl-C or SIGTERM; the folder keeps what was trained, and `resume` continues.
        DivergenceError: a loss or weights were not finite; the folder keeps the last checkpoint that is.
        Unfinished: training failed after it had begun, for example on a full disk; the folder keeps the same files.
    """
    side = {"jobs": jobs, "backend": backend, "scheduler": scheduler}
    return led(experiment, partial(_train, experiment, out, quiet, folds, callbacks, side), bool(folds))


def _train(
    experiment: Experiment,
    out: str | Path | None,
    quiet: bool,
    folds: int | None,
    callbacks: Sequence[Spec[Callback]],
    side: dict[str, Any],
) -> Run:
    check_folder(out)
    model, data = experiment.prepare()
    with experiment.explaining():
        check_learning_rate(model)
    check_space(model, out, experiment.checkpoint.keep + 3 if experiment.checkpoint else 1)
    signals = Signals()
    with signals.handled(), RunFolder.create(out, experiment.name, signals) as folder:
        if folds:
            _cross_validate(folder, experiment, (model, data), quiet, {"planned": folds}, side)
        _run(folder, experiment, (model, data), quiet, callbacks)
    return Run(folder.path)


def resume(
    run: str | Path,
    quiet: bool = False,
    epochs: int | None = None,
    anyway: bool = False,
    overrides: Sequence[str] = (),
    callbacks: Sequence[Spec[Callback]] = (),
) -> Run:
    """Resume the training of a run folder from its last checkpoint, as if it had not been interrupted.

    Args:
        run: the folder.
        quiet: show nothing while training.
        epochs: total number of epochs, in place of the config's; those done count.
        anyway: whether to continue also where config or data have changed.
        overrides: changes of the config.
        callbacks: those of `train`.

    Raises:
        ConfigError: another process trains in the folder; config or data have changed; there is nothing left to do.
        DataError: not a run folder, or one without a checkpoint.
    """
    folder = Path(run)
    check_run(folder)
    if not anyway:
        check_manifest(folder)
    experiment = Experiment.from_file(folder / "config.yaml", overrides)
    if epochs is not None:
        experiment.fit["epochs"] = epochs
    if read_state(folder)["state"] == "finished" and epochs is None:
        raise ConfigError(f"{folder}: the training is finished; --epochs N trains for longer")
    warn_of_changes(folder)
    folds = read_folds(folder)
    has_folds = len(folds.get("folds", ())) < folds.get("planned", 0)
    return led(experiment, partial(_resume, folder, experiment, quiet, anyway, callbacks), has_folds, folder, anyway)


def _resume(
    folder: Path, experiment: Experiment, quiet: bool, anyway: bool, callbacks: Sequence[Spec[Callback]]
) -> Run:
    signals = Signals()
    with signals.handled(), RunFolder(folder, False, signals) as owned:
        prepared = experiment.prepare(read_preprocessing(folder))
        _cross_validate(owned, experiment, prepared, quiet, read_folds(folder))
        _run(owned, experiment, prepared, quiet, callbacks, arguments_to_resume(folder, anyway))
    return Run(folder)


def _cross_validate(
    folder: RunFolder,
    experiment: Experiment,
    prepared: tuple[BaseModel, Prepared],
    quiet: bool,
    before: dict[str, Any],
    side: dict[str, Any] | None = None,
) -> None:
    """Measure the planned folds that `before` lacks; the folder keeps each that is finished."""
    done, planned = len(before.get("folds", ())), before.get("planned", 0)
    if done >= planned:
        return
    if done:
        folder.begin(None)

    def keep(result: dict[str, Any]) -> None:
        if not folder.begun:
            folder.begin(partial(_describe, folder, experiment, *prepared))
        folder.write("folds.json", json_text(result))

    cross_validate(experiment, planned, quiet, before, keep, **(side or {}))


def _run(
    folder: RunFolder,
    experiment: Experiment,
    prepared: tuple[BaseModel, Prepared],
    quiet: bool,
    callbacks: Sequence[Spec[Callback]],
    resumed: dict[str, Any] | None = None,
) -> None:
    """Train in the folder, judge, and write what there is to keep; `Interrupted` after a first signal."""
    model, data = prepared
    done, describe = History(), partial(_describe, folder, experiment, model, data)
    if resumed is None:  # else once it is certain that the training is the same
        describe()
    record = RunRecord(folder.path / "history.csv")
    record.on_begin = lambda: folder.begin(None if resumed is None else describe)
    record.on_row = lambda epoch: folder.tell(epoch=epoch)
    plan = experiment.checkpoint
    checkpoints = [plan.callback(folder.checkpoints)] if plan else []
    arguments = given_arguments(experiment, data)
    arguments["callbacks"] = [*arguments.get("callbacks", ()), *callbacks, done, record, *checkpoints]
    interrupted = False
    try:
        with experiment.explaining(), folder.signals.training(model.trainer):
            fit(model, data, arguments | (resumed or {}), quiet)
    except KeyboardInterrupt:
        if not folder.signals.in_order:
            raise
        interrupted = True
    _judge(folder, experiment, model, data)
    if interrupted:
        raise Interrupted(f"interrupted in epoch {len(done.epoch) + 1}; {folder.kept}", folder.signals.exit_code)
    folder.seal()


def _describe(folder: RunFolder, experiment: Experiment, model: BaseModel, data: Prepared) -> None:
    """Write what is known before training; the config last, as a folder that has it can be resumed."""
    config = {**experiment.get_config(), "data": beside_folder(data.data, folder.path)}
    config["compile"] = {**experiment.compile, "loss": experiment.compile["loss"] or model.trainer.loss.to_spec()}
    folder.tell()
    folder.write("preprocessing.json", json_text(data.preprocessing.to_spec()))
    folder.write("environment.json", json_text(environment(experiment.seed, data_prints(data))))
    folder.write("config.yaml", dump(config))


def _judge(folder: RunFolder, experiment: Experiment, model: BaseModel, data: Prepared) -> None:
    """Write the trained model, which knows how to be used, and its figures."""
    model, changed = calibrate(model, data, experiment.calibrate)
    tune_threshold(model, data, experiment.data.threshold)
    folder.write("preprocessing.json", json_text(data.preprocessing.to_spec()))  # with the threshold
    experiment.interpret(model, data.preprocessing, data.data.source)  # in its trained state
    model._interpretation.intervals = validation_intervals(model, data)
    folder.save(model)
    judgement = judge(model, data, bool(experiment.fit["class_weight"]))
    told = {} if changed is None else {"calibration": changed}
    folder.write("metrics.json", json_text({**judgement.to_dict(), **told}))
