"""Optuna's database, read as a `Study`; trials of dead processes are marked and rescheduled."""

import math
from typing import Any

from nnlite.experiment.search import Search
from nnlite.tuning.importances import explained_shares
from nnlite.tuning.study import Study, Trial
from nnlite.tuning.trials import is_alive, optuna_library, process_name

__all__ = ["WORKER", "adopt", "as_study", "as_trial", "remaining", "say"]

WORKER = "worker "  # and the name of a process: an attribute of the study

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running", "WAITING": "waiting"}


def adopt(study: Any) -> None:
    """Mark trials of dead processes as failed, and reschedule their values, once each."""
    optuna = optuna_library()
    states = optuna.trial.TrialState
    workers = [key.removeprefix(WORKER) for key in study.user_attrs if key.startswith(WORKER)]
    others = [name for name in workers if name != process_name() and is_alive(name)]
    for trial in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
        process = trial.user_attrs.get("process")  # None: it died, or is about to say
        if not (others if process is None else is_alive(process)):
            study.tell(trial.number, state=states.FAIL)
    trials = study.get_trials(deepcopy=False)
    again = {trial.user_attrs.get("again") for trial in trials}
    for trial in trials:
        if _state(trial) == "interrupted" and trial.params and trial.number not in again:
            study.enqueue_trial(trial.params, user_attrs={"again": trial.number})


def remaining(study: Any, wanted: int) -> int:
    """Number of trials still to be run; trials running in other processes count as done."""
    states = [_state(trial) for trial in study.get_trials(deepcopy=False)]
    return max(wanted - sum(state in ("complete", "pruned", "failed", "running") for state in states), 0)


def as_study(study: Any, name: str, search: Search) -> Study:
    """The trials of an Optuna study, with the importance of each argument."""
    direction = "maximize" if search.to_maximize else "minimize"
    trials = [as_trial(trial) for trial in study.get_trials(deepcopy=False)]
    return Study(name, search.metric, direction, search.space, trials, explained_shares(trials, search.space))


def as_trial(trial: Any) -> Trial:
    """A trial of Optuna."""
    values = [value if math.isfinite(value) else None for _, value in sorted(trial.intermediate_values.items())]
    ended = trial.state.name in ("COMPLETE", "PRUNED")
    value = trial.value if ended and trial.value is not None and math.isfinite(trial.value) else None
    error = trial.user_attrs.get("error")
    return Trial(trial.number, _state(trial), trial.params, value, values, trial.user_attrs.get("seconds"), error)


def _state(trial: Any) -> Any:
    if trial.state.name == "FAIL":
        return "failed" if "error" in trial.user_attrs else "interrupted"
    return STATES[trial.state.name]


def say(study: Any, trial: Any) -> None:
    """Print one line about the trial that has just ended."""
    shown = as_trial(trial)
    value = "" if shown.value is None else f"  {shown.value:.6g}"
    reason = f"  {shown.error}" if shown.error else ""
    params = "  ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
                       for key, value in shown.params.items())  # fmt: skip
    print(f"trial {shown.number}  {shown.state}{value}  {params}{reason}", flush=True)
