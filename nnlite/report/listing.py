"""All runs of a folder in one table."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nnlite.charts import aligned, html_table, notebook, number_text
from nnlite.errors import ConfigError, DataError, did_you_mean
from nnlite.experiment.running.states import read_state
from nnlite.metrics import Metric
from nnlite.registry import normalized
from nnlite.report.evidence.files import read_config, read_history, read_metrics

__all__ = ["ListedRun", "RunTable", "list_runs"]

FILES = ("config.yaml", "history.csv", "metrics.json", "model.safetensors", "preprocessing.json", "environment.json")
LARGER_IS_BETTER = ("accuracy", "auc", "average_precision", "f1", "r2", "precision", "recall", "similarity", "iou")


@dataclass(frozen=True)
class ListedRun:
    """One folder.

    Args:
        folder: its path.
        date: when its metrics were written; when it was changed last where it has none.
        damage: what is wrong with it; empty where nothing is.
        part: the part that it is judged by.
        epochs: how many were trained; None if that is not known.
        metrics: `"part name"` -> value, None if it is not finite.
        state: `"complete"`, or what `state.json` says: `"running"`, `"interrupted"`, `"diverged"` or `"failed"`; or
            `"killed"`, if it says running and no process is.
    """

    folder: Path
    date: datetime.datetime
    damage: str = ""
    part: str = ""
    epochs: int | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)
    state: str = "complete"


@dataclass(frozen=True, repr=False)
class RunTable:
    """The runs of a folder, in order. Printing it shows a table; a notebook shows it as HTML.

    Args:
        folder: where they are.
        runs: one entry per run folder, damaged ones among them.
    """

    folder: Path
    runs: list[ListedRun]

    def __str__(self) -> str:
        if not self.runs:
            return f"{self.folder}: no run folders"
        head, rows = self._table()
        damaged = [f"{run.folder.name}: {run.damage}" for run in self.runs if run.damage]
        return "\n".join([aligned(head, rows, numbers=range(5, len(head))), *damaged])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return notebook(html_table(head, rows, numbers=range(5, len(head))), width=1000)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        judged = [
            {
                name.removeprefix(f"{run.part} "): value
                for name, value in run.metrics.items()
                if name.startswith(f"{run.part} ")
            }
            for run in self.runs
        ]
        names = list(dict.fromkeys(name for metrics in judged for name in metrics))
        rows = []
        for run, metrics in zip(self.runs, judged, strict=True):
            values = [number_text(metrics[name]) if name in metrics else "" for name in names]
            state, epochs = "damaged" if run.damage else run.state, "" if run.epochs is None else str(run.epochs)
            rows.append([run.folder.name, f"{run.date:%Y-%m-%d %H:%M}", state, epochs, run.part, *values])
        return ["run", "date", "state", "epochs", "part", *names], rows


def list_runs(folder: str | Path = "runs", sort: str | None = None) -> RunTable:
    """The run folders inside a folder, the latest first, or the best first by a metric.

    Args:
        folder: where runs are.
        sort: a metric, such as `"accuracy"` or `"validation accuracy"`: of the part that a run is judged by (test,
            else validation) unless it names one. Losses and errors count upwards, scores downwards; runs without the
            metric come last.

    Raises:
        DataError: there is no such folder.
        ConfigError: no run has such a metric.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    runs = [_listed(path) for path in inside if any((path / name).is_file() for name in FILES)]
    if sort is None:
        return RunTable(folder, sorted(runs, key=lambda run: run.date, reverse=True))
    return RunTable(folder, _sorted(runs, sort))


def _listed(folder: Path) -> ListedRun:
    metrics, epochs, part, damage = {}, None, "", ""
    state = read_state(folder)["state"]
    complete = state in ("finished", "unknown")
    missing = [name for name in FILES if not (folder / name).is_file()]
    try:
        read_config(folder)
        epochs = len(read_history(folder).get("epoch", []))
        measured = read_metrics(folder)
        part = measured.judged
        metrics = {f"{part} {name}": value for part, values in measured.parts.items() for name, value in values.items()}
    except DataError as error:
        damage = str(error).removeprefix(f"{folder}/")
    damage = f"no {', '.join(missing)}" if missing else damage
    if not complete and missing:  # what does not exist yet is not damaged
        damage = ""
    stamp = folder / "metrics.json"
    date = datetime.datetime.fromtimestamp((stamp if stamp.is_file() else folder).stat().st_mtime)
    return ListedRun(folder, date, damage, part, epochs, metrics, "complete" if complete else state)


def _sorted(runs: list[ListedRun], sort: str) -> list[ListedRun]:
    wanted = sort.replace(".", " ").strip()
    names = dict.fromkeys(name for run in runs for name in run.metrics)
    candidates = [wanted, *(f"{part} {wanted}" for part in ("test", "validation", "training"))]
    if not any(name in names for name in candidates):
        metrics = {name.split(" ", 1)[-1] for name in names} | set(names)
        raise ConfigError(f"no run has a metric {sort!r}; {did_you_mean(sort, metrics)}")
    sign = -1 if _larger_is_better(wanted.split(" ", 1)[-1]) else 1

    def key(run: ListedRun) -> tuple[bool, float]:
        value = next((run.metrics[name] for name in candidates if run.metrics.get(name) is not None), None)
        return value is None, sign * (value or 0.0)

    return sorted(runs, key=key)


def _larger_is_better(name: str) -> bool:
    """Whether a metric is a score rather than a loss or an error, by its class or, unless it has one, by its name."""
    by_name = {normalized(metric_name): metric.higher_is_better for metric_name, metric in Metric.members().items()}
    direction = by_name.get(normalized(name))
    return direction if direction is not None else _has(name, LARGER_IS_BETTER)


def _has(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)
