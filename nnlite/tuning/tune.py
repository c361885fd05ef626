"""`tune`: trials of a config, in one process or in several, kept in a database that a later call goes on with."""

import json
import multiprocessing
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nnlite.distributed.jobs import Backend
from nnlite.documents import dump
from nnlite.errors import ConfigError, NNLiteError, did_you_mean
from nnlite.experiment import Experiment, Interrupted
from nnlite.experiment.search import Search
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import jsonable, read_call
from nnlite.saving import write_text
from nnlite.threads import limited_threads, set_threads
from nnlite.tuning.generations import Work, generation
from nnlite.tuning.records import WORKER, adopt, as_study, as_trial, remaining
from nnlite.tuning.study import Study
from nnlite.tuning.trials import Trials, assignments, optuna_library, process_name

__all__ = ["tune"]

HEARTBEAT = 60  # seconds between signs of life of a trial, for those who share a database from other machines


@dataclass(frozen=True)
class Plan:
    """All that a process needs to run trials.

    Args:
        path: the config.
        overrides: changes to it, the seed among them.
        search: its section `search`, as plain values.
        name: of the study.
        url: of the database.
        sampler: "tpe" or "random".
        seed: of sampler and training.
        done: number of trials that were there when this call began.
        jobs: number of processes.
        quiet: print nothing.
        backend: by which trials of one generation are run; None for processes that each ask for the next trial.
        scheduler: address of a cluster of Dask.
    """

    path: str
    overrides: tuple[str, ...]
    search: dict[str, Any]
    name: str
    url: str
    sampler: Literal["tpe", "random"]
    seed: int
    done: int
    jobs: int
    quiet: bool
    backend: Backend | None = None
    scheduler: str | None = None

    def pruner(self) -> Any:
        """Optuna's pruner."""
        pruners, name = optuna_library().pruners, Search.get(self.search).pruner
        if name == "median":
            return pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)
        return pruners.HyperbandPruner() if name == "hyperband" else pruners.NopPruner()

    def study(self, worker: int = 0) -> Any:
        """Optuna's study, made if it does not exist yet."""
        optuna = optuna_library()
        search, seed = Search.get(self.search), (self.seed + 7919 * self.done + worker) % 2**32
        if self.sampler == "tpe":
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=self.jobs > 1)
        else:
            sampler = optuna.samplers.RandomSampler(seed=seed)
        waiting = {"connect_args": {"timeout": 100}} if self.url.startswith("sqlite") else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that heartbeats are experimental
            storage = optuna.storages.RDBStorage(self.url, heartbeat_interval=HEARTBEAT, engine_kwargs=waiting)
        direction = "maximize" if search.to_maximize else "minimize"
        chosen = {"sampler": sampler, "pruner": self.pruner(), "direction": direction}
        return optuna.create_study(storage=storage, study_name=self.name, load_if_exists=True, **chosen)


def tune(
    path: str | Path,
    trials: Count = 50,
    jobs: Count = 1,
    out: str | os.PathLike | None = None,
    storage: str | None = None,
    sampler: Literal["tpe", "random"] = "tpe",
    overrides: Sequence[str] = (),
    quiet: bool = False,
    backend: Backend | None = None,
    scheduler: str | None = None,
) -> Study:
    """Search for the best values of the arguments that the section `search` of a config names.

    The folder gets `best.yaml`, a config that trains as it is, `study.json`, and the database of the trials, unless it
    is elsewhere. The same call again goes on where this one was ended: finished trials stay, those that died with their
    process are tried again. Trials that fail, because values do not fit together or because training diverges, are
    recorded with the reason.

    Args:
        path: a YAML file.
        trials: how many there are to be in the end, those of earlier calls included.
        jobs: processes that run trials side by side, this one among them. A script that asks for more than one needs
            `if __name__ == "__main__":`.
        out: the folder; `runs/<config name>-tune` when None.
        storage: an SQLite file, or a URL of SQLAlchemy: processes of several machines may share a database, each by
            a call of its own; `study.db` in the folder when None.
        sampler: "tpe", the tree-structured Parzen estimator, which learns from earlier trials, or "random".
        overrides: changes to the config, such as `"fit.epochs=3"`.
        quiet: print nothing while trials run.
        backend: "loky", "threading" or "dask", backends of joblib, by which `jobs` trials at a time are run. All of
            them are chosen before, and told to the study in their order, so that the result is the same by each
            backend; None for processes that ask for the next trial as soon as they have ended one.
        scheduler: the address of a cluster of Dask; one on this machine when None.

    Raises:
        MissingLibraryError: Optuna is not installed: pip install nnlite[tune].
        ConfigError: a config without a search or with a wrong one, or a database of another search.
        Interrupted: Ctrl-C; the trials so far are kept.
    """
    read_call(tune, locals())
    optuna_library()
    experiment, changes = checked(path, overrides)
    folder = Path(out or Path("runs", f"{experiment.name}-tune"))
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        os.fspath(path), changes, jsonable(experiment.search), experiment.name, _url(storage, folder), sampler,
        experiment.seed, 0, jobs, quiet, _backend(experiment, backend, scheduler), scheduler,
    )  # fmt: skip
    plan = _resumed(plan, experiment)
    study = plan.study()
    adopt(study)
    left = remaining(study, trials)
    if not quiet and plan.done:
        print(f"{folder}: {plan.done} trials are there, {left} to go", flush=True)
    try:
        _run(plan, left)
    except KeyboardInterrupt:
        adopt(study)
        kept = _write(folder, plan, study)
        message = f"interrupted; {kept.finished} finished trials are kept in {folder}, the same command goes on"
        raise Interrupted(message) from None
    adopt(study)
    return _write(folder, plan, study)


def _backend(experiment: Experiment, backend: Backend | None, scheduler: str | None) -> Backend | None:
    """The backend that was asked for, or that of the config; a scheduler alone means Dask."""
    assert experiment.search is not None  # as was checked
    return backend or ("dask" if scheduler else experiment.search.backend)


def checked(path: str | Path, overrides: Sequence[str]) -> tuple[Experiment, tuple[str, ...]]:
    """The experiment of a config, and the changes that all trials have in common.

    Raises:
        ConfigError: no section `search`, a key that the config does not have, a value that does not fit there, or a
            metric that the run does not log.
    """
    experiment = Experiment.from_file(path, overrides)
    with experiment.explaining():
        if experiment.search is None:
            raise ConfigError("missing section 'search', which says what is tried; docs/tuning.md shows one")
        search = experiment.search
        changes = (*overrides, *(() if "seed" in search.space else (f"seed={experiment.seed}",)))
        first = search.first_values()
        try:
            model, data = Experiment.from_file(path, [*changes, *assignments(first)]).prepare()
        except ConfigError as error:
            key = next((key for key in first if f"--set {key}=" in str(error)), None)
            if key is None:
                raise ConfigError(f"with the first values of the search: {error}") from None
            raise ConfigError(str(error).partition(": ")[2], ("search", "space", key)) from None
        known = ["loss", *(str(metric.name) for metric in model.trainer.metrics)]
        if "validation" in data.parts:
            known += [f"val_{name}" for name in known]
        if search.metric not in known:
            hint = did_you_mean(search.metric, known)
            raise ConfigError(f"this run does not log {search.metric!r}; {hint}", ("search", "metric"))
    return experiment, changes


def _url(storage: str | None, folder: Path) -> str:
    """The database as SQLAlchemy calls it."""
    if storage is not None and "://" in storage:
        return storage
    file = Path(storage) if storage is not None else folder / "study.db"
    if not file.parent.is_dir():
        raise ConfigError(f"{file}: the folder {file.parent} does not exist")
    return f"sqlite:///{file.resolve()}"


def _resumed(plan: Plan, experiment: Experiment) -> Plan:
    """The plan with the seed and the number of trials of the existing study, if there is one."""
    study = plan.study()
    config = {key: value for key, value in experiment.get_config().items() if key not in ("seed", "search")}
    search = {key: value for key, value in plan.search.items() if key not in ("pruner", "backend")}
    text = json.dumps([config, search], sort_keys=True)
    kept = study.user_attrs.get("config")
    if kept is None:
        study.set_user_attr("config", text)
        study.set_user_attr("seed", plan.seed)
    elif kept != text:
        raise ConfigError(
            f"{plan.path}: the study {plan.name!r} in {plan.url} is of another config or search, with which new trials "
            "cannot be compared; choose another folder or storage"
        )
    seed = int(study.user_attrs.get("seed", plan.seed))
    overrides = tuple(f"seed={seed}" if change == f"seed={plan.seed}" else change for change in plan.overrides)
    return replace(plan, seed=seed, overrides=overrides, done=len(study.get_trials(deepcopy=False)))


def _run(plan: Plan, left: int) -> None:
    """Run so many trials, in this process or in others; `NNLiteError` if one of these died."""
    if plan.backend is not None:
        _run_generations(plan, left, plan.backend)
        return
    context = multiprocessing.get_context("spawn")
    tickets = context.Value("i", left)
    if plan.jobs == 1 or left < 2:
        _work(plan, tickets, 0)
        return
    threads = max((os.cpu_count() or 1) // plan.jobs, 1)
    workers = [
        context.Process(target=_work, args=(plan, tickets, number, threads, os.getpid()), daemon=True)
        for number in range(1, min(plan.jobs, left))
    ]
    try:
        for worker in workers:
            worker.start()
        with limited_threads(threads):
            _work(plan, tickets, 0)  # this process has all that the others load first
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.join(5)  # after Ctrl-C, which reaches it too
                worker.terminate()
    codes = [worker.exitcode for worker in workers if worker.exitcode]
    if codes:
        raise NNLiteError(f"a process of the search ended with code {codes[0]}; the same command goes on")


def _run_generations(plan: Plan, left: int, backend: Backend) -> None:
    """Run so many trials, as many at a time as there are jobs."""
    work = Work(os.path.abspath(plan.path), plan.overrides, plan.search)
    study = plan.study()
    study.set_user_attr(f"{WORKER}{process_name()}", True)
    while left > 0:
        count = min(plan.jobs, left)
        for trial in generation(study, work, plan.pruner(), count, plan.jobs, backend, plan.scheduler):
            if not plan.quiet:
                _say(study, trial)
        left -= count


def _work(plan: Plan, tickets: Any, worker: int, threads: int | None = None, parent: int | None = None) -> None:
    """Run trials as long as there are tickets."""
    if threads is not None:
        set_threads(threads)
    study, run = plan.study(worker), Trials(plan.path, plan.overrides, Search.get(plan.search))
    study.set_user_attr(f"{WORKER}{process_name()}", True)
    while parent is None or os.getppid() == parent:  # whoever is left alone stops
        with tickets.get_lock():
            if tickets.value <= 0:
                return
            tickets.value -= 1
        study.optimize(run, n_trials=1, catch=(Exception,), callbacks=[] if plan.quiet else [_say])


def _say(study: Any, trial: Any) -> None:
    """One line about the trial that has just ended."""
    shown = as_trial(trial)
    value = "" if shown.value is None else f"  {shown.value:.6g}"
    reason = f"  {shown.error}" if shown.error else ""
    params = "  ".join(f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}"
                       for key, value in shown.params.items())  # fmt: skip
    print(f"trial {shown.number}  {shown.state}{value}  {params}{reason}", flush=True)


def _write(folder: Path, plan: Plan, study: Any) -> Study:
    """Write `study.json` and, where a trial is complete, `best.yaml`."""
    results = as_study(study, plan.name, Search.get(plan.search))
    text = json.dumps(results.to_dict(), indent=1, allow_nan=False) + "\n"
    write_text(folder / "study.json", text)
    best = results.best
    if best is not None:
        experiment = Experiment.from_file(plan.path, [*plan.overrides, *assignments(best.params)])
        config = {**experiment.get_config(), "data": experiment.located_data().to_spec()}
        config.pop("search")
        head = f"# Trial {best.number} of the search in {Path(plan.path).name}: {results.metric} {best.value:.6g}\n"
        write_text(folder / "best.yaml", head + dump(config))
    return results
