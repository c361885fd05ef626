"""`nnlite rows`: the rows of a run by self-influence."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from nnlite.cli import main
from nnlite.experiment import Run
from nnlite.experiment.judging.rows import _targets, row_figures

CONFIG = """\
seed: 1
data:
  source: {{Csv: {{path: rows.csv, target: {target}}}}}
  split: {{validation: 0.2, test: 0.2}}
model:
  - Dense: {{units: {units}}}
compile:
  optimizer: LBFGS
  loss: {loss}
fit:
  epochs: 50
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 2))
    kind = np.where(x[:, 0] + x[:, 1] > 0, "yes", "no")
    wrong = np.abs(x.sum(axis=1)) > 2.2
    kind[wrong] = np.where(kind[wrong] == "yes", "no", "yes")
    lines = [f"{a:.4f},{b:.4f},{k},{a - b:.4f}" for (a, b), k in zip(x, kind, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,kind,amount", *lines]) + "\n")

    def train(target, units, loss):
        (tmp_path / "config.yaml").write_text(CONFIG.format(target=target, units=units, loss=loss))
        assert main(["train", "config.yaml", "--quiet", "--out", f"runs/{target}"]) == 0
        return tmp_path / "runs" / target

    return train, np.flatnonzero(wrong), kind


def test_wrong_labels_come_first(run, capsys):
    train, wrong, kind = run
    folder = train("kind", 2, "{SparseCategoricalCrossentropy: {from_logits: true}}")
    figures = row_figures(Run(folder))
    assert (np.diff(figures.self_influence) <= 0).all()
    np.testing.assert_array_equal(figures.target, kind[figures.row])
    inside = np.isin(wrong, figures.row).sum()
    assert inside > 1 and np.isin(figures.row[: 2 * inside], wrong).sum() >= 0.8 * inside
    np.testing.assert_array_equal(figures.wrong, figures.target != figures.predicted)
    capsys.readouterr()
    assert main(["rows", str(folder), "--top", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["row", "self_influence", "leverage", "target", "predicted", "wrong"]
    assert len(lines) == 5 and lines[2].split()[0] == str(figures.row[0])
    assert main(["rows", str(folder), "--top", "0", "--part", "test", "-o", "out.csv"]) == 0
    with open("out.csv", newline="") as file:
        table = list(csv.reader(file))
    assert len(table) == 25


def test_wrong_labels_come_first_in_large_networks_too(run, monkeypatch):
    """The diagonal of the curvature does not bound the leverage: no figure changes its sign for that."""
    train, wrong, _ = run
    text = CONFIG.replace(
        "  - Dense: {{units", "  - Dense: {{units: 60, activation: tanh}}\n" * 2 + "  - Dense: {{units"
    )
    monkeypatch.setitem(globals(), "CONFIG", text.replace("LBFGS", "adam").replace("epochs: 50", "epochs: 30"))
    model = Run(train("kind", 2, "{SparseCategoricalCrossentropy: {from_logits: true}}"))
    assert sum(weight.size for weight in model.model.trainable_weights) > 3000
    figures = row_figures(model)
    assert figures.leverage is None and (figures.self_influence > 0).all()
    inside = np.isin(wrong, figures.row).sum()
    assert np.isin(figures.row[: 2 * inside], wrong).sum() >= 0.8 * inside


def test_amounts_and_what_is_wrong(run, capsys):
    folder = run[0]("amount", 1, "mse")
    assert row_figures(Run(folder), "validation").wrong is None
    capsys.readouterr()
    assert main(["rows", str(folder), "--top", "-1"]) == 2
    assert "--top takes a number of rows, got -1" in capsys.readouterr().err
    assert main(["rows", "nowhere"]) == 3


def test_several_target_columns_have_a_column_each(run, capsys, tmp_path):
    folder = run[0]("[amount, b]", 2, "mse")
    figures = row_figures(Run(folder))
    table = np.genfromtxt(tmp_path / "rows.csv", delimiter=",", names=True, usecols=(1, 3))
    np.testing.assert_allclose(figures.target, np.stack([table["amount"], table["b"]], axis=1)[figures.row], rtol=1e-6)
    assert figures.names == ("amount", "b") and figures.wrong is None
    trained = Run(folder)
    data = trained.experiment.prepare(trained.preprocessing)[1]
    amounts = trained.model.target.decode(trained.model.predict(data.arrays("training")[0], verbose=0))
    places = np.argsort(data.numbers("training"))[np.searchsorted(np.sort(data.numbers("training")), figures.row)]
    np.testing.assert_allclose(figures.predicted, np.stack([amounts["amount"], amounts["b"]], axis=1)[places])
    capsys.readouterr()
    assert main(["rows", str(folder), "--top", "1"]) == 0
    names = "row self_influence leverage target_amount target_b predicted_amount predicted_b"
    assert capsys.readouterr().out.splitlines()[0].split() == names.split()


def test_several_marks_are_wrong_where_one_is():
    target = SimpleNamespace(decode=lambda outputs: {"u": outputs[:, 0] > 0, "v": outputs[:, 1] > 0, "probability": 0})
    given = np.array([[True, False], [True, True]])
    _, predicted, names = _targets(SimpleNamespace(target=target), given, np.array([[1, -1], [1, -1]]))
    assert names == ("u", "v") and (predicted != given).any(axis=1).tolist() == [False, True]
    target.decode = lambda outputs: {"kind": outputs, "probability": 0}
    assert _targets(SimpleNamespace(target=target), given, given)[2] == ("kind_0", "kind_1")


def test_rows_without_a_label_count(run, tmp_path):
    _, _, kind = run
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    gaps = lines[:1] + [line for row in lines[1:] for line in (",".join(["0", "0", "", "0"]), row)]
    (tmp_path / "rows.csv").write_text("\n".join(gaps) + "\n")  # every second row has no label
    text = CONFIG.format(
        target="kind, missing_target: drop", units=2, loss="{SparseCategoricalCrossentropy: {from_logits: true}}"
    )
    (tmp_path / "config.yaml").write_text(text)
    assert main(["train", "config.yaml", "--quiet", "--out", "runs/gaps"]) == 0
    figures = row_figures(Run("runs/gaps"))
    assert (figures.row % 2 == 1).all()
    np.testing.assert_array_equal(figures.target, kind[figures.row // 2])
