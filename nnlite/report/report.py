"""The report of a run: a single HTML file with everything there is to see."""

import datetime
from html import escape
from pathlib import Path

from nnlite.charts import number_text
from nnlite.data import Classes, Labels, Quantities
from nnlite.experiment import Run
from nnlite.report.evidence.features import Features
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import FolderPage, joined, notice
from nnlite.report.sections.classes import classes_section
from nnlite.report.sections.data import data_section
from nnlite.report.sections.features import features_section
from nnlite.report.sections.gradients import gradients_section
from nnlite.report.sections.labels import labels_section
from nnlite.report.sections.learning import learning_section
from nnlite.report.sections.metrics import metrics_section
from nnlite.report.sections.quantities import quantities_section
from nnlite.report.sections.record import record_section
from nnlite.report.sections.rows import rows_section

__all__ = ["Report"]

TITLES = {
    "metrics": "Metrics",
    "learning": "Learning",
    "classes": "Classes",
    "labels": "Labels",
    "residuals": "Residuals",
    "worst": "Worst rows",
    "inputs": "Inputs",
    "gradients": "Gradients",
    "data": "Data",
    "record": "Record",
}


class Report(FolderPage):
    """The report of a run, on one self-contained page: no network, no scripts.

    A notebook shows it; `save` writes it into the run's folder. Figures that need many predictions use up to
    2,000 rows, drawn with the run's seed. If the data can no longer be read, the figures that need them are left
    out, and the page says so.

    Args:
        run: the run, or its folder.

    Raises:
        DataError: not a run folder, or a damaged one.
    """

    def __init__(self, run: Run | str | Path) -> None:
        self.run = run if isinstance(run, Run) else Run(run)
        self._name = self.run.folder.resolve().name
        super().__init__(self.run.folder, f"{self._name} - nnlite report")
        self.subject = Subject(self.run)

    def _content(self) -> str:
        sections = [section for section in self._sections() if section]
        present = [name for name in TITLES if any(f'<section id="{name}">' in section for section in sections)]
        links = "".join(f'<a href="#{name}">{TITLES[name]}</a>' for name in present)
        head = f"<header>{self._head()}<nav>{links}</nav></header>"
        foot = f"<footer>Made by nnlite from {escape(str(self.folder))}.</footer>"
        return f"{head}<main>{joined(sections)}</main>{foot}"

    def _sections(self) -> list[str]:
        subject = self.subject
        always = [metrics_section(subject), learning_section(subject)]
        if subject.data is None:
            return [*always, record_section(subject)]
        evidence = Features.of(subject)
        features = evidence if isinstance(evidence, Features) else None
        judged = {Classes: classes_section, Labels: labels_section}.get(type(subject.target), quantities_section)
        return [
            *always,
            judged(subject),
            rows_section(subject, features),
            features_section(subject, evidence),
            gradients_section(subject),
            data_section(subject),
            record_section(subject),
        ]

    def _head(self) -> str:
        subject = self.subject
        date = datetime.datetime.fromtimestamp((self.folder / "metrics.json").stat().st_mtime)
        count = f"{subject.model.count_params():,} parameters"
        said = escape(f"{_task(subject)}; {count}; trained {date:%Y-%m-%d %H:%M}.")
        missing = f"The data could not be read, so that figures that need them are left out: {subject.missing}"
        values = subject.measured.parts.get(subject.part, {})
        tiles = [
            f"<div><b>{number_text(value)}</b>{escape(subject.part)} {escape(name)}</div>"
            for name, value in list(values.items())[:5]
        ]
        lost = notice(missing, loud=True) if subject.missing else ""
        return f'<h1>{escape(self._name)}</h1><p class="q">{said}</p><div class="k4">{"".join(tiles)}</div>{lost}'


def _task(subject: Subject) -> str:
    target = subject.target
    if isinstance(target, Quantities):
        return f"Regression of {', '.join(target.names[:5])}{', …' if len(target.names) > 5 else ''}"
    kind = "any number of" if isinstance(target, Labels) else "one of"
    return f"Classification of {', '.join(target.columns[:5])} into {kind} {len(subject.labels)} classes"
