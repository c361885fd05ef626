"""docs/metrics.md keeps its promises: its code runs, its configs train, and its table is what is printed."""

import re
import runpy
from pathlib import Path

import pytest

from nnlite.cli import main
from nnlite.data import Split
from nnlite.documents import Document
from nnlite.experiment import Experiment, Run, train

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
BLOCKS = {name: re.findall(rf"```{name}\n(.*?)```", TEXT, re.DOTALL) for name in ("python", "yaml", "text")}


@pytest.fixture
def flats(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("flats.py").write_text(BLOCKS["python"][0])
    runpy.run_path("flats.py")


def test_the_printed_table(flats, capsys):
    Path("rent.yaml").write_text(BLOCKS["yaml"][0])
    assert main(["train", "rent.yaml", "--quiet"]) == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()[:-1]]
    shown = [line.split() for line in BLOCKS["text"][0].splitlines()]
    assert [line[:-2] for line in printed] == [line[:-2] for line in shown]
    for ours, promised in zip(printed[1:], shown[1:], strict=True):
        assert float(ours[-2]) == pytest.approx(float(promised[-2]), rel=0.02)
        assert ours[-1] == promised[-1]


@pytest.mark.parametrize(
    ("number", "bounds"), [(1, {"subset_accuracy": 0.6, "f1_micro": 0.8}), (2, {"balanced_accuracy": 0.75, "f1": 0.6})]
)
def test_configs_train(flats, number, bounds):
    Path("c.yaml").write_text(BLOCKS["yaml"][number])
    run = train(Experiment.from_file("c.yaml"), quiet=True)
    assert {name: run.metrics["test"][name] >= bound for name, bound in bounds.items()} == dict.fromkeys(bounds, True)
    assert "BinaryCrossentropy" in run.experiment.compile["loss"]
    if number == 2:
        assert 0 < Run(run.folder).preprocessing.target.threshold < 1


def test_python_example(capsys):
    code = BLOCKS["python"][1]
    exec(compile(code, "docs/metrics.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == re.findall(r"  # (.*)$", code, re.MULTILINE)


def test_every_split_of_the_table_is_one(tmp_path):
    specs = re.findall(r"^\| `(\{.*?\})` \|", TEXT, re.MULTILINE)
    assert len(specs) == 8
    for spec in specs:
        (tmp_path / "s.yaml").write_text(f"split: {spec}\n")
        Split.get(Document(tmp_path / "s.yaml").values["split"])
    assert set(re.findall(r"(\w+): ", " ".join(specs))) >= set(Split().get_config()) - {"files"}
