"""The report of a search: one page, made of study.json alone."""

import json
import re
from xml.etree import ElementTree

import pytest

from nnlite.cli import main
from nnlite.errors import DataError
from nnlite.report import StudyReport
from nnlite.tuning import Study, Trial

RATE, UNITS = "compile.optimizer.Adam.learning_rate", "model.0.Dense.units"
TRIALS = [
    Trial(0, "complete", {RATE: 0.01, UNITS: 8}, 0.5, [0.9, 0.5], 1.0),
    Trial(1, "pruned", {RATE: 0.0001, UNITS: 16}, 0.8, [0.8], 0.5),
    Trial(2, "complete", {RATE: 0.1, UNITS: 32}, 0.25, [0.6, None, 0.25], 1.5),
    Trial(3, "failed", {RATE: 0.05, UNITS: 8}, None, [], 0.1, "loss <nan>"),
]
SPACE = {RATE: {"log_uniform": [1e-4, 0.1]}, UNITS: {"choice": [8, 16, 32]}}


@pytest.fixture
def folder(tmp_path):
    study = Study("a & b", "val_loss", "minimize", SPACE, TRIALS, {RATE: 0.75, UNITS: 0.25})
    (tmp_path / "study.json").write_text(json.dumps(study.to_dict()))
    return tmp_path


def test_the_command_writes_a_page_of_the_study(folder, capsys):
    assert main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    assert capsys.readouterr().out == f"report: {folder / 'report.html'}\n"
    assert "<h1>a &amp; b</h1>" in page and "<nan>" not in page
    assert "Search for the smallest val_loss; 4 trials." in page
    assert "Trial 2: val_loss 0.25." in page
    titles = re.findall(r"<b>([^<]+)</b>", page)
    assert titles[:3] == ["Value of each trial", "val_loss of the best trials", "Importance"]
    for picture in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(picture)
    assert not re.search(r"(src|href)=\"http|<script", page)
    rows = re.findall(r"<tr>.*?</tr>", page)
    assert [row.count("<td") for row in rows if "complete" in row] == [5, 5]


def test_a_study_without_a_complete_trial(folder):
    study = Study("c", "val_loss", "maximize", SPACE, TRIALS[3:])
    (folder / "study.json").write_text(json.dumps(study.to_dict()))
    page = StudyReport(folder).html
    assert "No trial is complete." in page and "Search for the largest val_loss; 1 trials." in page


def test_a_damaged_study_is_one_error(folder, capsys):
    (folder / "study.json").write_text("{")
    assert main(["report", str(folder)]) == 3
    assert "study.json: missing or damaged" in capsys.readouterr().err
    with pytest.raises(DataError):
        StudyReport(folder)


def test_arguments_of_one_class_are_told_apart_and_a_long_table_is_cut(folder):
    space = {f"compile.optimizer.Adam.{name}": {"uniform": [0.0, 1.0]} for name in ("beta_1", "beta_2")}
    trials = [Trial(number, "complete", dict.fromkeys(space, 0.5), 1.0 / (1 + number)) for number in range(41)]
    study = Study("d", "val_loss", "minimize", space, trials, dict.fromkeys(space, 0.5))
    (folder / "study.json").write_text(json.dumps(study.to_dict()))
    report = StudyReport(folder)
    assert "beta_1 0.5; beta_2 0.5." in report.html and "The best 40." in report.html
    assert repr(report) == f"StudyReport(of {folder})" and report.content in report._repr_html_()
