"""The commands about configs: `config`, `list`, `schema`."""

import json
from pathlib import Path

import pytest

from nnlite.cli import main
from nnlite.documents import Document
from nnlite.experiment import Experiment
from nnlite.experiment.catalogue import catalogue
from nnlite.experiment.schema import config_schema

CONFIG = """\
variables: {width: 8}
data: {source: {Csv: {path: nowhere.csv, target: y}}}
model: [{Dense: {units: "${variables.width}"}}, {Dense: {units: 1}}]
compile: {loss: mse}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    return "c.yaml"


def test_a_config_is_checked_without_its_data(config, capsys):
    assert main(["config", config]) == 0
    assert capsys.readouterr() == ("c.yaml: ok\n", "")
    assert [path.name for path in Path().iterdir()] == ["c.yaml"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["compile.loss=msee"], "--set compile.loss=msee: compile.loss: unknown loss 'msee'; did you mean 'mse'"),
        (["model.0.Dense.name=a", "model.1.Dense.name=a"], "model: there is a layer named 'a' already"),
        (
            ["fit.epochs=-1", "seed=-1"],
            "c.yaml: 2 errors\n  --set fit.epochs=-1: fit.epochs: must be >= 0, got -1\n  --set",
        ),
    ],
)
def test_a_wrong_config(config, capsys, overrides, message):
    assert main(["config", config, "--set", *overrides]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and message in shown.err


def test_a_config_is_shown_with_all_defaults(config, capsys):
    assert main(["config", config, "--render", "--set", "fit.epochs=7"]) == 0
    Path("rendered.yaml").write_text(capsys.readouterr().out)
    values = Document("rendered.yaml").values
    assert values["model"][0]["Dense"]["units"] == 8 and values["model"][0]["Dense"]["use_bias"] is True
    assert values["fit"]["epochs"] == 7 and values["data"]["split"]["test"] == 0.2 and values["seed"] is None
    assert "variables" not in values
    assert main(["config", config, "--json", "--set", "fit.epochs=7"]) == 0
    assert json.loads(capsys.readouterr().out) == values
    assert Experiment.from_file("rendered.yaml").rendered() == values
    assert main(["config", config, "--render", "--set", "seed=3"]) == 0
    assert capsys.readouterr().out.startswith("seed: 3\n")


def test_list(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for arguments in ([], ["layers"], ["optimizers", "adam"]):
        assert main(["list", *arguments]) == 0
        assert capsys.readouterr().out == catalogue(*arguments) + "\n"
    assert main(["list", "layers", "Dens"]) == 2
    assert capsys.readouterr().err.startswith("nnlite: error: unknown layer 'Dens'; did you mean 'Dense'?")


def test_schema(tmp_path, capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == config_schema()
    assert main(["schema", "-o", str(tmp_path / "s.json")]) == 0
    assert json.loads((tmp_path / "s.json").read_text()) == config_schema()
    assert main(["schema", "-o", str(tmp_path / "no" / "s.json")]) == 5
    assert "No such file or directory" in capsys.readouterr().err
