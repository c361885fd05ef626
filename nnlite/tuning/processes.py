"""The trials of a search: run in this process, in worker processes, or by a joblib backend."""

import os
from typing import Any

from nnlite.data import Prepared
from nnlite.distributed.crew import Crew
from nnlite.distributed.jobs import Backend
from nnlite.errors import NNLiteError
from nnlite.experiment.search import Search
from nnlite.threads import limited_threads, set_threads
from nnlite.tuning.generations import Work, generation
from nnlite.tuning.plan import Plan
from nnlite.tuning.records import WORKER, say
from nnlite.tuning.trials import Trials, optuna_library, process_name

__all__ = ["load", "run_trials"]


def load() -> None:
    """Import the modules that trials need, in a process that waits for them."""
    optuna_library().create_study()


def run_trials(plan: Plan, left: int, crew: Crew, prepared: dict[str, Prepared]) -> None:
    """Run this many trials, in this process and in the crew; `NNLiteError` if one of its processes died.

    Args:
        plan: of the search.
        left: number of trials.
        crew: the processes beside this one.
        prepared: data that are prepared already, by their key.
    """
    if plan.backend is not None:
        crew.join()  # a config that names a backend has no work for it
        _run_generations(plan, left, plan.backend)
        return
    crew.tickets.value = left
    size = min(len(crew), max(left - 1, 0))
    if size == 0:
        _work(crew.tickets, plan, 0, prepared)
        return
    threads = max((os.cpu_count() or 1) // plan.jobs, 1)
    shared = prepared if all(data.is_in_memory for data in prepared.values()) else {}
    for number in range(size):
        crew.give(number, _work, plan, number + 1, shared, threads, os.getpid())
    with limited_threads(threads):
        _work(crew.tickets, plan, 0, prepared)
    crew.join()
    if crew.failed is not None:
        raise NNLiteError(f"a process of the search ended with code {crew.failed}; run the same command to continue")


def _run_generations(plan: Plan, left: int, backend: Backend) -> None:
    """Run this many trials, one per job at a time."""
    work = Work(os.path.abspath(plan.path), plan.overrides, plan.search)
    study = plan.study()
    study.set_user_attr(f"{WORKER}{process_name()}", True)
    while left > 0:
        count = min(plan.jobs, left)
        for trial in generation(study, work, plan.pruner(), count, plan.jobs, backend, plan.scheduler):
            if not plan.quiet:
                say(study, trial)
        left -= count


def _work(
    tickets: Any,
    plan: Plan,
    worker: int,
    prepared: dict[str, Prepared],
    threads: int | None = None,
    parent: int | None = None,
) -> None:
    """Run trials as long as there are tickets."""
    if threads is not None:
        set_threads(threads)
    study, run = plan.study(worker), Trials(plan.path, plan.overrides, Search.get(plan.search), prepared)
    study.set_user_attr(f"{WORKER}{process_name()}", True)
    while parent is None or os.getppid() == parent:  # whoever is left alone stops
        with tickets.get_lock():
            if tickets.value <= 0:
                return
            tickets.value -= 1
        study.optimize(run, n_trials=1, catch=(Exception,), callbacks=[] if plan.quiet else [say])
