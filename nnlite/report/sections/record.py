"""The record: the model, the config, the versions, and the commands to reproduce the run."""

from html import escape
from pathlib import Path

from nnlite.charts import html_table
from nnlite.errors import DataError
from nnlite.models.summary import summary_html
from nnlite.report.evidence.files import read_json
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import details, notice, section, wide

__all__ = ["record_section"]


def record_section(subject: Subject) -> str:
    """Model, config, environment, commands."""
    folder = subject.run.folder
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    commands = "\n".join(
        f"nnlite {command}"
        for command in (
            f"train {folder / 'config.yaml'}",
            f"evaluate {folder}",
            f"report {folder}",
        )
    )
    return section(
        "record",
        "Record",
        f"<h3>Model</h3>{wide(summary_html(subject.model))}",
        f"<h3>How to repeat it</h3>{notice('The same config, seed and versions give the same run.')}",
        f"<pre>{escape(commands)}</pre>",
        f"<h3>Versions</h3>{_environment(folder)}",
        details("Config, with every default", f"<pre>{escape(config)}</pre>"),
    )


def _environment(folder: Path) -> str:
    try:
        values = read_json(folder / "environment.json")
    except DataError as error:
        return notice(str(error), loud=True)
    rows = [[str(name), str(value)] for name, value in values.items()]
    return wide(html_table(["", "in training"], rows))
