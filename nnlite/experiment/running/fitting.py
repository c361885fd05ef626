"""The call of `fit` of a run, by one process or several; the first one writes the run folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnlite.data import Prepared
from nnlite.distributed import current_team
from nnlite.errors import ConfigError
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.running.signals import Signals
from nnlite.experiment.runs import Run, read_preprocessing
from nnlite.models.base import BaseModel
from nnlite.training.epoch import Verbose

__all__ = ["arguments_to_resume", "fit", "given_arguments", "led"]


def given_arguments(experiment: Experiment, data: Prepared) -> dict[str, Any]:
    """The arguments of `fit` that the config sets, except the data."""
    arguments = {name: value for name, value in experiment.fit_arguments(data).items() if value is not None}
    return {"on_divergence": "stop"} | arguments


def arguments_to_resume(folder: Path, anyway: bool) -> dict[str, Any]:
    """The arguments with which `fit` continues from the last checkpoint of a run folder, if there is one."""
    begun = any((folder / "checkpoints").glob("step-*.safetensors"))
    return {"resume": folder, "resume_anyway": anyway} if begun else {}


def fit(model: BaseModel, data: Prepared, arguments: dict[str, Any], quiet: bool) -> None:
    """Train the model of a run on its data."""
    verbose: Verbose = 0 if quiet else "auto"
    model.fit(**data.for_fit(), verbose=verbose, **arguments)


def led(
    experiment: Experiment, lead: Callable[[], Run], folds: bool, resumed: Path | None = None, anyway: bool = False
) -> Run:
    """The run that `lead` trains; in a team, only rank 0 calls it, and the others train along without writing.

    Args:
        experiment: what is trained.
        lead: trains, and keeps everything in the run folder.
        folds: whether it cross-validates as well, which a team cannot.
        resumed: the run folder that the training continues in.
        anyway: whether it continues also where config or data have changed.
    """
    team = current_team()
    if team is None:
        return lead()
    if folds:
        raise ConfigError("folds are trained one by one in one process: cross-validate without --distributed")
    experiment.seed = team.broadcast(experiment.seed)
    if team.rank == 0:
        run = lead()
        team.broadcast(run.folder)
        return run
    _follow(experiment, resumed, anyway)
    return Run(team.broadcast(None))


def _follow(experiment: Experiment, resumed: Path | None, anyway: bool) -> None:
    """Train beside rank 0."""
    signals = Signals()
    with signals.handled():
        model, data = experiment.prepare(None if resumed is None else read_preprocessing(resumed))
        arguments = given_arguments(experiment, data)
        arguments |= {} if resumed is None else arguments_to_resume(resumed, anyway)
        with experiment.explaining(), signals.training(model.trainer):
            fit(model, data, arguments, True)
