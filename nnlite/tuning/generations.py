"""Trials by a joblib backend: a generation is chosen, run in parallel, and reported to the study in order."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nnlite.distributed.jobs import Backend, each
from nnlite.experiment.search import Search
from nnlite.tuning.trials import Trials, optuna_library, process_name, suggested

__all__ = ["Work", "generation"]


@dataclass(frozen=True)
class Work:
    """The description of a trial that a worker runs without a database.

    Args:
        path: the config.
        overrides: changes to it.
        search: its section `search`, as plain values.
    """

    path: str
    overrides: tuple[str, ...]
    search: dict[str, Any]


def generation(
    study: Any, work: Work, pruner: Any, count: int, jobs: int, backend: Backend, scheduler: str | None
) -> list[Any]:
    """Run this many trials in parallel; the choice depends only on earlier generations.

    So the study does not depend on the backend, nor on which trial ends first: a trial that asks whether it falls
    behind sees the trials of earlier generations.

    Returns:
        Trials of Optuna as they ended.
    """
    optuna = optuna_library()
    over = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    earlier = study.get_trials(states=over)
    space, suggestions = Search.get(work.search).space, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that signs of life are given by `optimize` alone
        asked = [study.ask() for _ in range(count)]
    for trial in asked:
        trial.set_user_attr("process", process_name())
        suggestions.append({key: suggested(trial, key, domain) for key, domain in space.items()})
    run = partial(run_apart, work, pruner, study.direction.name.lower(), earlier)
    for trial, ended in zip(asked, each(run, suggestions, jobs, backend, scheduler), strict=True):
        _tell(study, trial, ended)
    return study.get_trials(deepcopy=False)[-count:]


def run_apart(work: Work, pruner: Any, direction: str, earlier: Sequence[Any], params: dict[str, Any]) -> Any:
    """Run a trial with these values next to earlier ones, in a separate study; returns Optuna's finished trial."""
    optuna = optuna_library()
    study = optuna.create_study(direction=direction, pruner=pruner)
    study.add_trials(earlier)
    study.enqueue_trial(params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.optimize(Trials(work.path, work.overrides, Search.get(work.search)), n_trials=1, catch=(Exception,))
    return study.get_trials(deepcopy=False)[-1]


def _tell(study: Any, trial: Any, ended: Any) -> None:
    """Tell the study what became of a trial."""
    for step, value in ended.intermediate_values.items():
        trial.report(value, step)
    for name, value in ended.user_attrs.items():
        if name != "process":
            trial.set_user_attr(name, value)
    complete = ended.value is not None and ended.state.name == "COMPLETE"
    study.tell(trial, ended.value if complete else None, ended.state)
