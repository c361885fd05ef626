"""`calibrate:` in a config, and `Sequential.calibrated`: probabilities fitted to rows that were not learnt from."""

import json
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential
from nnlite.cli import main
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.layers import Concatenate, Dense, IsotonicCalibration, TemperatureScaling
from nnlite.metrics.scores import expected_calibration_error

CONFIG = """\
seed: 1
data:
  source: {{Csv: {{path: table.csv, target: {target}}}}}
  split: {{validation: 0.3, test: 0.3}}
model:
  - Dense: {{units: 64, activation: relu}}
  - Dense: {{units: 64, activation: relu}}
  - Dense: {{units: {units}{activation}}}
compile:
  optimizer: {{Adam: {{learning_rate: 0.01}}}}
  loss: {loss}
fit: {{epochs: 60}}
calibrate: {method}
"""
SPARSE = {"units": 3, "target": "kind", "loss": "{SparseCategoricalCrossentropy: {from_logits: true}}"}
BINARY = {"units": 1, "target": "sold", "loss": "BinaryCrossentropy", "activation": ", activation: sigmoid"}


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3))
    sold = np.where(x[:, 0] + 1.5 * random.normal(size=500) > 0, "yes", "no")
    kind = np.array(list("abc"))[np.clip(x[:, 1] + random.normal(size=500) + 1, 0, 2.9).astype(int)]
    rows = [f"{a:.4f},{b:.4f},{c:.4f}" for a, b, c in x]
    for name, label in (("sold", sold), ("kind", kind)):
        lines = [f"{row},{cell}" for row, cell in zip(rows, label, strict=True)]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"a,b,c,{name}", *lines]) + "\n")

    def train(method, out, *more, units, target, loss, activation=""):
        config = CONFIG.format(method=method, units=units, target=target, loss=loss, activation=activation)
        (tmp_path / "config.yaml").write_text(config.replace("table.csv", f"{target}.csv"))
        return main(["train", "config.yaml", "--quiet", "--out", f"runs/{out}", *more])

    return train


@pytest.mark.parametrize(
    ("options", "method"), [(SPARSE, "temperature"), (BINARY, "isotonic"), (BINARY, "temperature")]
)
def test_an_overtrained_model_becomes_honest(train, capsys, options, method):
    assert train("null", "plain", **options) == 0 and train(method, "calibrated", **options) == 0
    plain, run = nnlite.experiment.Run("runs/plain"), nnlite.experiment.Run("runs/calibrated")
    assert plain.calibration is None and "calibrate" not in plain.experiment.get_config()
    before, after = run.calibration["before"]["test"], run.calibration["after"]["test"]
    assert after["log_loss"] < 0.8 * before["log_loss"]
    assert after["expected_calibration_error"] < 0.7 * before["expected_calibration_error"]
    assert plain.metrics["test"]["log_loss"] == pytest.approx(before["log_loss"])
    assert run.metrics["test"]["log_loss"] == pytest.approx(after["log_loss"])
    assert run.evaluate() == run.metrics and set(run.metrics) == {"validation", "test"}
    assert f"calibration ({method}), test: log loss " in capsys.readouterr().out
    kind = TemperatureScaling if method == "temperature" else IsotonicCalibration
    assert isinstance(run.model.layers[-1], kind) and run.model.layers[0] is not plain.model.layers[0]
    trained, same = nnlite.load("runs/calibrated"), nnlite.load("runs/plain")
    rows = {name: [0.1, -2.0] for name in "abc"}
    assert not np.allclose(trained.predict_proba(rows), same.predict_proba(rows), atol=0.01)
    assert np.allclose(trained.predict_proba(rows).sum(axis=1), 1)
    assert json.loads(Path("runs/calibrated/metrics.json").read_text())["calibration"]["method"] == method


def test_resuming_trains_the_model_itself_and_calibrates_again(train):
    assert train("temperature", "short", "--epochs", "2", **SPARSE) == 0
    assert main(["train", "--resume", "runs/short", "--epochs", "4", "--quiet"]) == 0
    assert train("temperature", "long", "--epochs", "4", **SPARSE) == 0
    short, long = nnlite.experiment.Run("runs/short"), nnlite.experiment.Run("runs/long")
    assert short.metrics == long.metrics
    assert [type(layer) for layer in short.model.layers].count(TemperatureScaling) == 1


def test_what_cannot_be_calibrated(train, capsys):
    number = {"units": 1, "target": "sold", "loss": "mse"}
    assert train("platt", "bad", **BINARY) == 2
    assert "calibrate" in capsys.readouterr().err
    assert train("temperature", "bad", "--set", "data.split.validation=0", **BINARY) == 2
    assert "no validation part to calibrate by: set data.split.validation" in capsys.readouterr().err
    assert (
        train("temperature", "bad", "--set", "data.source.Csv.target=a", "data.source.Csv.drop=[sold]", **number) == 2
    )
    assert "a regression has no probabilities" in capsys.readouterr().err


LABELS = np.random.default_rng(0).integers(0, 3, 60)
ROWS = np.random.default_rng(1).normal(size=(60, 4))


def test_one_hot_targets_weights_and_the_model_itself():
    model = Sequential([Input((4,)), Dense(3, "softmax")], seed=0)
    model.compile("sgd", "categorical_crossentropy", ["accuracy"])
    before = model.predict(ROWS, verbose=0)
    made = model.calibrated(ROWS, np.eye(3)[LABELS])
    assert np.array_equal(model.predict(ROWS, verbose=0), before) and len(model.layers) == 1
    same = model.calibrated(ROWS, LABELS, sample_weight=np.ones(60))
    assert same.layers[-1].temperature == pytest.approx(made.layers[-1].temperature)
    weighted = model.calibrated(ROWS, LABELS, sample_weight=np.arange(60) < 20)
    assert weighted.layers[-1].blur == pytest.approx(0.5 / 21)
    assert set(made.evaluate(ROWS, np.eye(3)[LABELS], verbose=0, return_dict=True)) == {"loss", "accuracy"}


def test_logits_become_probabilities():
    model = Sequential([Input((4,)), Dense(2)], seed=0)
    model.compile("sgd", {"BinaryCrossentropy": {"from_logits": True}})
    for method in ("temperature", "isotonic"):
        made = model.calibrated(ROWS, np.stack([LABELS > 0, LABELS > 1], axis=1), method)
        p = made.predict(ROWS, verbose=0)
        assert (p > 0).all() and (p < 1).all() and made.loss.from_logits is False


def test_bad_input():
    numbers = Sequential([Input((4,)), Dense(3)], seed=0)
    with pytest.raises(ConfigError, match="probabilities are a softmax or sigmoid at the end"):
        numbers.calibrated(ROWS, LABELS)
    model = Sequential([Input((4,)), Dense(3, "softmax")], seed=0)
    with pytest.raises(ConfigError, match="expected 'temperature' or 'isotonic'"):
        model.calibrated(ROWS, LABELS, "platt")
    with pytest.raises(ShapeError, match=r"targets of shape \(50,\)"):
        model.calibrated(ROWS, LABELS[:50])
    with pytest.raises(DataError, match="a row of a weight above 0"):
        model.calibrated(ROWS, LABELS, "isotonic", np.zeros(60))
    with pytest.raises(NotReadyError, match="before it is built"):
        Sequential([Dense(3, "softmax")]).calibrated(ROWS, LABELS)


def test_isotonic_calibration_refuses_what_does_not_fit():
    model = Sequential([Input((4,)), Dense(3, "softmax")], seed=0)
    for weights, error in ((np.ones(59), ShapeError), (-np.ones(60), DataError), (np.full(60, np.nan), DataError)):
        with pytest.raises(error, match="weights"):
            model.calibrated(ROWS, LABELS, "isotonic", weights)
    with pytest.raises(DataError, match="got index 7, allowed are 0 to 2"):
        model.calibrated(ROWS, np.where(LABELS == 2, 7, LABELS), "isotonic")
    with pytest.raises(DataError, match="allowed are 0 to 1"):
        Sequential([Input((4,)), Dense(1, "sigmoid")]).calibrated(ROWS, np.arange(60), "isotonic")
    sequences = Sequential([Input((5, 4)), Dense(3, "softmax")])
    with pytest.raises(ShapeError, match=r"needs probabilities \(rows, columns\), got an array of shape \(2, 5, 3\)"):
        sequences.calibrated(np.zeros((2, 5, 4)), np.zeros((2, 5)), "isotonic")


def test_expected_calibration_error():
    assert expected_calibration_error([0, 1, 1, 1], [0.75] * 4) == 0
    assert expected_calibration_error([0, 0, 1], [0.95, 0.05, 0.05], [1, 1, 2]) == pytest.approx(
        (0.95 + 3 * (2 / 3 - 0.05)) / 4
    )
    assert np.isnan(expected_calibration_error([], []))


GRAPH = """\
model:
  inputs: {rows: {}}
  layers:
    wide: {Dense: {units: 64, activation: relu}, from: rows}
    deep: {Dense: {units: 64, activation: relu}, from: wide}
    both: {Concatenate: {}, from: [wide, deep]}
    kind: {Dense: {units: 3, activation: softmax}, from: both}
  outputs: kind
"""


def graph(*ends):
    left, right = Input((2,), name="left"), Input((2,), name="right")
    hidden = Concatenate()([Dense(16, "relu")(left), right])
    outputs = [end(hidden) for end in ends]
    return Model([left, right], outputs if len(outputs) > 1 else outputs[0], seed=0)


SIDES = [ROWS[:, :2], ROWS[:, 2:]]


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
@pytest.mark.parametrize(
    "end, loss",
    [
        (lambda: Dense(3, "softmax"), "sparse_categorical_crossentropy"),
        (lambda: Dense(3), {"SparseCategoricalCrossentropy": {"from_logits": True}}),
    ],
)
def test_a_graph_is_calibrated_like_a_row_of_layers(end, loss, method, tmp_path):
    model = graph(end())
    model.compile({"Adam": {"learning_rate": 0.05}}, loss)
    model.fit(SIDES, LABELS, epochs=40, verbose=0)  # labels by chance: it learns them by heart
    new = np.random.default_rng(3).integers(0, 3, 60)
    before = model.predict(SIDES, verbose=0)
    made = model.calibrated(SIDES, new, method)
    assert np.array_equal(model.predict(SIDES, verbose=0), before)
    p = made.predict(SIDES, verbose=0)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-6)
    assert made.evaluate(SIDES, new, verbose=0) < model.evaluate(SIDES, new, verbose=0) / 1.25
    assert type(made.layers[-1]) is (TemperatureScaling if method == "temperature" else IsotonicCalibration)
    made.save(tmp_path / "model.nnlite")
    assert np.array_equal(nnlite.models.load_model(tmp_path / "model.nnlite").predict(SIDES, verbose=0), p)


def test_graphs_of_several_outputs_and_models_that_write_call_have_no_one_end():
    model = graph(Dense(3, "softmax"), Dense(1, "sigmoid"))
    with pytest.raises(ConfigError, match="has 2 outputs: probabilities of one can be calibrated"):
        model.calibrated(SIDES, LABELS)

    class Own(Model):
        def __init__(self):
            super().__init__()
            self.end = Dense(3, "softmax")

        def call(self, inputs):
            return self.end(inputs)

    own = Own()
    own.compile("sgd", "sparse_categorical_crossentropy")
    own.fit(ROWS, LABELS, verbose=0)
    with pytest.raises(ConfigError, match="writes call"):
        own.calibrated(ROWS, LABELS)


def test_the_config_of_a_graph_calibrates(train, tmp_path, capsys):
    assert train("temperature", "row", "--epochs", "1", **SPARSE) == 0
    config = Path("config.yaml").read_text()
    start, stop = config.index("model:"), config.index("compile:")
    config = config[:start] + GRAPH + config[stop:].replace("from_logits: true", "from_logits: false")
    Path("graph.yaml").write_text(config)
    assert main(["train", "graph.yaml", "--quiet", "--out", "runs/graph"]) == 0
    run = nnlite.experiment.Run("runs/graph")
    before, after = run.calibration["before"]["test"], run.calibration["after"]["test"]
    assert after["log_loss"] < 0.9 * before["log_loss"]
    assert run.metrics["test"]["log_loss"] == pytest.approx(after["log_loss"])
    assert isinstance(run.model.layers[-1], TemperatureScaling) and isinstance(run.model, Model)
    trained = nnlite.load("runs/graph")
    assert np.allclose(trained.predict_proba({name: [0.1, -2.0] for name in "abc"}).sum(axis=1), 1)
