"""`tune`: trials of a config in one or several processes, kept in a database from which a later call continues."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from nnlite.data import Prepared
from nnlite.distributed.crew import Crew
from nnlite.distributed.jobs import Backend
from nnlite.documents import dump
from nnlite.errors import ConfigError, did_you_mean
from nnlite.experiment import Experiment, Interrupted
from nnlite.experiment.search import Search
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import jsonable, read_call
from nnlite.saving import write_text
from nnlite.tuning.journal import is_database
from nnlite.tuning.plan import Plan
from nnlite.tuning.processes import load, run_trials
from nnlite.tuning.records import adopt, as_study, remaining
from nnlite.tuning.study import Study
from nnlite.tuning.trials import assignments, optuna_library

__all__ = ["tune"]


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

    The folder gets `best.yaml`, a config that is ready to train, `study.json`, and the database of the trials, unless
    it is elsewhere. A repeated call continues where this one ended: finished trials are kept, those that died with
    their process are tried again. Trials that fail, because values do not fit together or because training diverges,
    are recorded with the reason.

    Args:
        path: a YAML file.
        trials: total number of trials, including those of earlier calls.
        jobs: number of processes that run trials, including this one. A script that asks for more than one needs
            `if __name__ == "__main__":`.
        out: the folder; `runs/<config name>-tune` when None.
        storage: an SQLite file or an SQLAlchemy URL; processes on several machines that each call `tune` may share a
            database. `study.db` in the folder when None.
        sampler: "tpe", the tree-structured Parzen estimator, which learns from earlier trials, or "random".
        overrides: changes to the config, such as `"fit.epochs=3"`.
        quiet: print nothing while trials run.
        backend: "loky", "threading" or "dask", backends of joblib, by which `jobs` trials at a time are run. All of
            them are chosen before, and told to the study in their order, so that the result is the same by each
            backend; None for processes that ask for the next trial as soon as they have ended one.
        scheduler: the address of a Dask cluster; a cluster on this machine when None.

    Raises:
        MissingLibraryError: Optuna is not installed: pip install "nnlite[tune]".
        ConfigError: a config without a search or with a wrong one, or a database of another search.
        Interrupted: Ctrl-C; the trials so far are kept.
    """
    arguments = read_call(tune, locals())
    size = 0 if backend or scheduler else min(jobs, trials) - 1
    with Crew(size, load) as crew:
        return tune_with(crew, **arguments)


def tune_with(
    crew: Crew,
    path: str | Path,
    trials: int,
    jobs: int,
    out: str | os.PathLike | None,
    storage: str | None,
    sampler: Literal["tpe", "random"],
    overrides: Sequence[str],
    quiet: bool,
    backend: Backend | None,
    scheduler: str | None,
) -> Study:
    """As `tune`, with a running crew: it loads modules while the config is checked."""
    read_call(tune, locals())
    optuna_library()
    experiment, changes, prepared = checked(path, overrides)
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
        print(f"{folder}: {plan.done} trials are done, {left} to go", flush=True)
    try:
        run_trials(plan, left, crew, prepared)
    except KeyboardInterrupt:
        adopt(study)
        record = _write(folder, plan, study)
        message = (
            f"interrupted; {record.finished} finished trials are kept in {folder}; run the same command to continue"
        )
        raise Interrupted(message) from None
    adopt(study)
    return _write(folder, plan, study)


def _backend(experiment: Experiment, backend: Backend | None, scheduler: str | None) -> Backend | None:
    """The backend that was asked for, or that of the config; a scheduler alone means Dask."""
    assert experiment.search is not None  # as was checked
    return backend or ("dask" if scheduler else experiment.search.backend)


def checked(path: str | Path, overrides: Sequence[str]) -> tuple[Experiment, tuple[str, ...], dict[str, Prepared]]:
    """The experiment of a config, the common overrides of all trials, and the data of the first, by their key.

    Raises:
        ConfigError: no section `search`, a key that the config does not have, a value that does not fit there, or a
            metric that the run does not log.
    """
    experiment = Experiment.from_file(path, overrides)
    with experiment.explaining():
        if experiment.search is None:
            raise ConfigError("missing section 'search', which lists the arguments to try; docs/tuning.md shows one")
        search = experiment.search
        changes = (*overrides, *(() if "seed" in search.space else (f"seed={experiment.seed}",)))
        first = search.first_values()
        try:
            tried = Experiment.from_file(path, [*changes, *assignments(first)])
            model, data = tried.prepare()
        except ConfigError as error:
            key = next((key for key in first if f"--set {key}=" in str(error)), None)
            if key is None:
                raise ConfigError(f"with the first values of the search: {error}") from None
            raise ConfigError(str(error).partition(": ")[2], ("search", "space", key)) from None
        metrics = ["loss", *(str(metric.name) for metric in model.trainer.metrics)]
        if "validation" in data.parts:
            metrics += [f"val_{name}" for name in metrics]
        if search.metric not in metrics:
            hint = did_you_mean(search.metric, metrics)
            raise ConfigError(f"this run does not log {search.metric!r}; {hint}", ("search", "metric"))
    return experiment, changes, {tried.data_key: data}


def _url(storage: str | None, folder: Path) -> str | Path:
    """The database as SQLAlchemy calls it, or the path of the journal."""
    if storage is not None and "://" in storage:
        return storage
    file = Path(storage) if storage is not None else folder / "study.db"
    if not file.parent.is_dir():
        raise ConfigError(f"{file}: the folder {file.parent} does not exist")
    return file.resolve() if storage is None and not is_database(file) else f"sqlite:///{file.resolve()}"


def _resumed(plan: Plan, experiment: Experiment) -> Plan:
    """The plan with the seed and the number of trials of the existing study, if there is one."""
    study = plan.study()
    config = {key: value for key, value in experiment.get_config().items() if key not in ("seed", "search")}
    search = {key: value for key, value in plan.search.items() if key not in ("pruner", "backend")}
    text = json.dumps([config, search], sort_keys=True)
    earlier = study.user_attrs.get("config")
    if earlier is None:
        study.set_user_attr("config", text)
        study.set_user_attr("seed", plan.seed)
    elif earlier != text:
        raise ConfigError(
            f"{plan.path}: the study {plan.name!r} in {plan.url} is of another config or search, with which new trials "
            "cannot be compared; choose another folder or storage"
        )
    seed = int(study.user_attrs.get("seed", plan.seed))
    overrides = tuple(f"seed={seed}" if change == f"seed={plan.seed}" else change for change in plan.overrides)
    return replace(plan, seed=seed, overrides=overrides, done=len(study.get_trials(deepcopy=False)))


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
