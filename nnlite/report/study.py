"""The report of a search: its trials, the importance of arguments, and the table of all trials."""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

from nnlite.charts import Chart, Series, bar_chart, html_table, line_chart, number_text, scatter_chart
from nnlite.report.page import FolderPage, figures, joined, notice, section, wide
from nnlite.tuning import Study, Trial

__all__ = ["StudyReport", "holds_study"]

FILE = "study.json"
CURVES = 6


def holds_study(folder: str | Path) -> bool:
    """Whether a folder belongs to a search rather than to a run."""
    return Path(folder, FILE).is_file()


class StudyReport(FolderPage):
    """The report of a search, on one self-contained page.

    Args:
        folder: where `nnlite tune` has written the study.

    Raises:
        DataError: no study there, or a damaged one.
    """

    def __init__(self, folder: str | Path) -> None:
        self.study = Study.read(folder)
        super().__init__(Path(folder), f"{self.study.name} - nnlite search")

    def _content(self) -> str:
        study, best = self.study, self.study.best
        wanted = "smallest" if study.direction == "minimize" else "largest"
        said = f"Search for the {wanted} {study.metric}; {study.finished} trials."
        head = f'<header><h1>{escape(study.name)}</h1><p class="q">{escape(said)}</p></header>'
        outcome = notice("No trial is complete.") if best is None else _best(study, best)
        trials = section("trials", "Trials", figures(*_courses(study)), _table(study))
        arguments = section("arguments", "Arguments", figures(_importances(study), *_by_argument(study)))
        return f"{head}<main>{joined([section('best', 'Best', outcome), trials, arguments])}</main>"


def _best(study: Study, best: Trial) -> str:
    rows = [[key, _shown(value)] for key, value in best.params.items()]
    said = notice(f"Trial {best.number}: {study.metric} {number_text(best.value)}. `best.yaml` trains it.")
    return said + wide(html_table(["argument", "value"], rows))


def _courses(study: Study) -> list[Chart | None]:
    """The best value so far, and the metric over the epochs of each trial."""
    numbers = [trial.number for trial in study.trials]
    courses = [(f"trial {trial.number}", _gaps(trial.values)) for trial in study.shown()[:CURVES]]
    lines = [Series(name, range(1, 1 + len(values)), values) for name, values in courses if len(values) > 1]
    best, each = _gaps(study.best_values()), _gaps([trial.value for trial in study.trials])
    return [
        line_chart([Series("best", numbers, best), Series("trial", numbers, each)], "Value of each trial", "trial"),
        line_chart(lines, f"{study.metric} of the best trials", "epoch") if lines else None,
    ]


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _importances(study: Study) -> Chart | None:
    if not study.importances:
        return None
    keys = sorted(study.importances, key=lambda key: -study.importances[key])
    names, shares = study.short_names(), [study.importances[key] for key in keys]
    note = "The share of the variance of the trials' ranks that each argument explains alone."
    return bar_chart([names[key] for key in keys], shares, "Importance", note=note)


def _by_argument(study: Study) -> list[Chart]:
    """The value over each argument that is a number."""
    charts = []
    for key in study.space:
        pairs = [(trial.params.get(key), trial.value) for trial in study.trials]
        pairs = [(x, y) for x, y in pairs if isinstance(x, (int, float)) and not isinstance(x, bool) and y is not None]
        if len({x for x, _ in pairs}) > 1:
            x, y = zip(*pairs, strict=True)
            logarithmic = any(name.startswith("log") for name in study.space[key])
            shown = [math.log10(number) for number in x] if logarithmic else x
            label = f"log10 of {key}" if logarithmic else key
            charts.append(scatter_chart(shown, y, key, label, study.metric))
    return charts


def _table(study: Study) -> str:
    keys = list(study.space)
    rows = [
        [str(trial.number), trial.state, number_text(trial.value), *(_shown(trial.params.get(key)) for key in keys)]
        for trial in study.shown()
    ]
    table = wide(html_table(["trial", "state", study.metric, *keys], rows, numbers=[0, 2]))
    return joined([notice(f"The best {len(rows)}.") if len(rows) < len(study.trials) else "", table])


def _shown(value: object) -> str:
    return number_text(value) if isinstance(value, float) else str(value)
