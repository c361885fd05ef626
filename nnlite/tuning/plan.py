"""The data that a process needs to run trials of a search, and access to the database."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nnlite.distributed.jobs import Backend
from nnlite.experiment.search import Search
from nnlite.tuning.journal import journal
from nnlite.tuning.trials import optuna_library

__all__ = ["Plan"]

HEARTBEAT = 60  # seconds between signs of life of a trial, for those who share a database from other machines


@dataclass(frozen=True)
class Plan:
    """The data that a process needs to run trials.

    Args:
        path: the config.
        overrides: changes to it, the seed among them.
        search: its section `search`, as plain values.
        name: of the study.
        url: of the database, or the path of the journal.
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
    url: str | Path
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
        """Optuna's study, created if it does not exist yet."""
        optuna = optuna_library()
        search, seed = Search.get(self.search), (self.seed + 7919 * self.done + worker) % 2**32
        if self.sampler == "tpe":
            sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=self.jobs > 1)
        else:
            sampler = optuna.samplers.RandomSampler(seed=seed)
        direction = "maximize" if search.to_maximize else "minimize"
        options = {"sampler": sampler, "pruner": self.pruner(), "direction": direction}
        return optuna.create_study(storage=self._storage(), study_name=self.name, load_if_exists=True, **options)

    def _storage(self) -> Any:
        """The journal in the search's own folder, or a database that others may share."""
        if isinstance(self.url, Path):
            return journal(self.url)
        options = {"connect_args": {"timeout": 100}} if self.url.startswith("sqlite") else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that heartbeats are experimental
            storage = optuna_library().storages.RDBStorage
            return storage(self.url, heartbeat_interval=HEARTBEAT, engine_kwargs=options)
