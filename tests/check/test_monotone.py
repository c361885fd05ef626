"""`nnlite check RUN --monotone`: proofs for models that are bound to, counterexamples for models that are not."""

import re

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.check import check_monotone, monotone
from nnlite.cli import main
from nnlite.errors import ConfigError
from nnlite.experiment import Run
from nnlite.layers import Dense

CONFIG = """\
seed: 1
data:
  source: {{Csv: {{path: flats.csv, target: {target}}}}}
  split: {{validation: 0.2, test: 0.2}}
model:
{model}
compile:
  optimizer: LBFGS
  loss: mse
fit:
  epochs: 40
"""
BOUND = """\
  - MonotonicDense: {units: 8, activation: tanh, monotonicity: [1, -1, 0]}
  - MonotonicDense: {units: 1}"""
MEMBERS = """\
  - RobustScaling
  - RepeatVector: {n: 3}
  - PeriodicEmbedding: {members: 3, columns: [2], output_dim: 2}
  - MonotonicDense: {units: 6, activation: selu, monotonicity: [1, -1, 0, 0, 0], members: 3}
  - MonotonicDense: {units: 1, members: 3}
  - GlobalAveragePooling1D"""
FREE = """\
  - Dense: {units: 8, activation: tanh}
  - Dense: {units: 1}"""


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    x = random.uniform(0, 10, (200, 3))
    price = 3 * x[:, 0] - x[:, 1] + 2 * np.sin(2 * x[:, 2]) + 2 * random.normal(size=200)
    kind = np.where(x[:, 2] > 5, "old", "new")
    lines = [",".join(f"{value:.4f}" for value in (*row, target)) for row, target in zip(x, price, strict=True)]
    (tmp_path / "flats.csv").write_text("\n".join(["area,age,noise,price", *lines]) + "\n")
    lines = [f"{line},{word}" for line, word in zip(lines, kind, strict=True)]
    (tmp_path / "kinds.csv").write_text("\n".join(["area,age,noise,price,kind", *lines]) + "\n")

    def train(model, name, target="price", table="flats.csv"):
        config = CONFIG.format(model=model, target=target).replace("flats.csv", table)
        (tmp_path / "config.yaml").write_text(config)
        assert main(["train", "config.yaml", "--quiet", "--out", f"runs/{name}"]) == 0
        return f"runs/{name}"

    return train


@pytest.mark.parametrize("layers", [BOUND, MEMBERS])
def test_a_model_by_construction_is_proved(layers, train, capsys):
    folder = train(layers, "bound")
    assert main(["check", folder, "--monotone", "area:+", "--monotone", "age:-"]) == 0
    shown = capsys.readouterr().out
    assert "rises at 120 training rows" in shown and "falls in the box of the data" in shown
    assert "FAILED" not in shown and "skipped" not in shown
    report = check_monotone(folder, ["area:-"])
    assert [row.verdict for row in report.rows] == ["FAILED"] * 4
    assert "not at 120 of 120 rows" in report.rows[0].detail and "not at the inputs [" in report.rows[-1].detail


def test_a_free_model_has_counterexamples(train, capsys):
    folder = train(FREE, "free")
    assert main(["check", folder, "--monotone", "noise:+"]) == 1
    assert "not at the inputs [" in capsys.readouterr().out


def test_boxes_are_halved_until_they_decide(monkeypatch):
    model = Sequential([Input((1,)), Dense(2, "tanh"), Dense(1)], dtype="float64")  # tanh(x) - tanh(x) / 2
    model.set_weights([np.ones((1, 2)), np.zeros(2), np.array([[1.0], [-0.5]]), np.zeros(1)])
    box = np.array([-3.0]), np.array([3.0])
    rising = monotone.Directed("x", 0, 1)
    assert monotone._left_open(model, *box, rising) == (0, None)
    monkeypatch.setattr(monotone, "BOXES", 40)
    share, point = monotone._left_open(model, *box, rising)
    assert 0 < share < 1 and point is None
    assert monotone._left_open(model, *box, rising._replace(sign=-1))[1] == [0.0]


def test_layers_without_bounds_are_told(train):
    folder = train("  - Dense: {units: 4, activation: hard_shrink}\n  - Dense: {units: 1}", "jumps")
    row = check_monotone(folder, ["area:+"]).rows[-1]
    assert row.verdict == "skipped" and "whose extremes are known" in row.detail


NAMED = """\
  - RobustScaling: {columns: numbers, clip: 3}
  - Scale: {positive: true}
  - MonotonicDense: {units: 8, activation: tanh, monotonicity: {age: -1, area: 1}}
  - MonotonicDense: {units: 1}"""


def test_directions_by_name(train):
    report = check_monotone(train(NAMED, "named"), ["area:+", "age:-"])
    assert {row.verdict for row in report.rows} == {"ok"}  # bounds go through the scaling too
    assert Run("runs/named").model.layers[-2].monotonicity == [1, -1, 0]


@pytest.mark.parametrize(
    ("config", "table", "message"),
    [
        (NAMED.replace("Scale: {positive: true}", "Scale: {}"), "flats.csv", "'scale'.* may turn: pass positive=True"),
        (NAMED.replace("age:", "aeg:"), "flats.csv", "names a column 'aeg'.*age"),
        (NAMED.replace("age:", "kind:"), "kinds.csv", "names 'kind', which is not a column of numbers"),
        (
            NAMED.replace("Scale: {positive: true}", "PiecewiseLinearEncoding: {columns: [age], num_bins: 4}"),
            "flats.csv",
            "may turn: put it first, or give every input a direction",
        ),
    ],
)
def test_directions_by_name_that_cannot_hold(train, config, table, message, capsys):
    with pytest.raises(AssertionError):
        train(config, "refused", table=table)
    assert re.search(message, capsys.readouterr().err)


def test_bad_directions(train):
    folder = train(FREE, "kinds", table="kinds.csv")
    for text, message in (
        ("area", "expected a column and its direction"),
        ("area:up", "expected a column and its direction"),
        ("aera:+", "no column 'aera'.*area"),
        ("kind:+", "not a column of numbers"),
    ):
        with pytest.raises(ConfigError, match=message):
            check_monotone(folder, [text])
    assert main(["check", folder, "--monotone", "area:+", "--set", "seed=2"]) == 2
