"""Runs side by side: the differences between their configs and results."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlite.charts import Chart, Series, aligned, html_table, line_chart, number_text
from nnlite.errors import ConfigError, DataError, format_path
from nnlite.experiment import Run
from nnlite.report.evidence.files import Measured, read_config, read_history, read_metrics
from nnlite.report.page import cell, figures, page, section, wide

__all__ = ["Comparison", "compare"]

Row = tuple[str, ...]
MISSING = "-"


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two or more runs. Printing it shows two tables; a notebook also shows the curves of the loss.

    Args:
        names: of the runs.
        configs: what differs in the configs: the place, and the value of each run as text.
        metrics: part, name, and the value of each run, None if there is none.
        histories: the columns of each run's history.
    """

    names: list[str]
    configs: list[Row]
    metrics: list[tuple[str, str, list[float | None]]]
    histories: list[dict[str, list[float]]]

    def __str__(self) -> str:
        parts = ["configs: no difference" if not self.configs else aligned(["config", *self.names], self.configs)]
        head, rows = self._metric_table()
        return "\n\n".join([*parts, aligned(head, rows, numbers=range(1, len(head)))])

    __repr__ = __str__

    @property
    def html(self) -> str:
        """The comparison as a page, with curves."""
        return page(f"{', '.join(self.names)} - nnlite compare", f"<main><h1>Comparison</h1>{self._content()}</main>")

    def _repr_html_(self) -> str:
        return cell(self._content())

    def _content(self) -> str:
        head, rows = self._metric_table()
        configs = wide(html_table(["", *self.names], self.configs)) if self.configs else "<p>No difference.</p>"
        metrics = wide(html_table(head, rows, numbers=range(1, len(head))))
        return "".join(
            [
                section("configs", "Configs", configs),
                section("metrics", "Metrics", metrics),
                section("learning", "Learning", figures(*map(self._curve, ("loss", "val_loss")))),
            ]
        )

    def _curve(self, name: str) -> Chart | None:
        lines = [
            Series(run, history.get("epoch", range(len(history[name]))), history[name])
            for run, history in zip(self.names, self.histories, strict=True)
            if name in history
        ]
        return line_chart(lines, name, "epoch", log_y=True) if lines else None

    def _metric_table(self) -> tuple[Row, list[Row]]:
        two = len(self.names) == 2
        head = ("metric", *self.names, *(["difference"] if two else []))
        rows = []
        for part, name, values in self.metrics:
            cells = [MISSING if value is None else number_text(value, 5) for value in values]
            rows.append((f"{part} {name}", *cells, *([_difference(*values)] if two else [])))
        return head, rows


def compare(runs: Sequence[Run | str | Path]) -> Comparison:
    """Compare runs by their files only; no model is loaded.

    Args:
        runs: two or more runs, or their folders.

    Raises:
        ConfigError: fewer than two runs.
        DataError: not a run folder, or a damaged one.

    >>> import tempfile
    >>> from nnlite.experiment import Experiment, train
    >>> config = {"data": {"source": {"Inline": {"inputs": [[0], [1], [2]], "target": [0, 1, 2]}},
    ...                    "split": {"validation": 0, "test": 0}}, "seed": 0,
    ...           "model": [{"Dense": {"units": 1}}], "compile": {"loss": "mse"}, "fit": {"epochs": 1}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     longer = {**config, "fit": {"epochs": 2}}
    ...     runs = [train(Experiment.get(own), f"{folder}/{name}", True) for name, own in zip("ab", (config, longer))]
    ...     comparison = compare(runs)
    >>> comparison.configs
    [('fit.epochs', '1', '2')]
    """
    if len(runs) < 2:
        raise ConfigError(f"a comparison needs two runs or more, got {len(runs)}")
    folders = [run.folder if isinstance(run, Run) else Path(run) for run in runs]
    for folder in folders:
        if not (folder / "config.yaml").is_file():
            raise DataError(f"{folder}: not a run folder, it has no config.yaml")
    configs = [dict(_flat(read_config(folder))) for folder in folders]
    measured = [read_metrics(folder) for folder in folders]
    histories = [read_history(folder) for folder in folders]
    return Comparison(_names(folders), _differences(configs), _metrics(measured), histories)


def _names(folders: list[Path]) -> list[str]:
    """The folders' own names, or their paths where two have the same."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def _flat(value: Any, path: tuple = ()) -> Iterator[tuple[str, str]]:
    """The path of each value in a config, and its text."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    simple = isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)
    if not inside or not value or simple:
        yield format_path(path), repr(value) if isinstance(value, str) and not value.strip() else str(value)
        return
    for key, inner in inside:
        yield from _flat(inner, (*path, key))


def _differences(configs: list[dict[str, str]]) -> list[Row]:
    places = dict.fromkeys(path for config in configs for path in config)
    rows = [(path, *(config.get(path, MISSING) for config in configs)) for path in places]
    return [row for row in rows if len(set(row[1:])) > 1]


def _metrics(measured: list[Measured]) -> list[tuple[str, str, list[float | None]]]:
    places = dict.fromkeys((part, name) for run in measured for part, values in run.parts.items() for name in values)
    return [(part, name, [run.parts.get(part, {}).get(name) for run in measured]) for part, name in places]


def _difference(first: float | None, second: float | None) -> str:
    if first is None or second is None:
        return ""
    change = second - first
    return "0" if change == 0 else f"{'+' if change > 0 else '-'}{number_text(math.fabs(change), 3)}"
