"""The YAML document, the experiment, and the run folder."""

import csv
import json
import math
import re
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite.data import Preprocessing, SklearnDataset
from nnlite.documents import Document, dump
from nnlite.errors import ConfigError, DataError, TrainingWarning
from nnlite.experiment import Experiment, Interrupted, Run, profile, train
from nnlite.layers import Layer
from nnlite.models import Sequential

SMALL = """
seed: 3
data:
  source: {SklearnDataset: {name: iris}}
  split: {validation: 0.2, test: 0.2, stratify: true}
model:
  - Normalization
  - Dense: {units: 8, activation: relu}
  - Dropout: {rate: 0.2}
  - Dense: {units: 3}
compile:
  optimizer: adam
  loss: {SparseCategoricalCrossentropy: {from_logits: true}}
  metrics: [accuracy]
fit:
  epochs: 3
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="small.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("010", 10),
        ("+3", 3),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        *[(text, text) for text in ("no", "yes", "on", "off", "y", "1_000", "1:30", "2020-01-01", "0x10", "é")],
    ],
)
def test_scalars_are_those_of_yaml_1_2(write, text, value):
    found = Document(write(f"key: {text}\n")).values["key"]
    assert found == value
    assert type(found) is type(value)
    assert Document(write(dump({"key": found}))).values == {"key": found}
    assert Document(write(f"key: '{text}'\n")).values == Document(write(dump({"key": text}))).values == {"key": text}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "c.yaml, line 1, column 1: the file is empty"),
        ("# nothing\n", "c.yaml, line 1, column 1: expected `key: value` lines"),
        ("- 1\n", "c.yaml, line 1, column 1: expected `key: value` lines"),
        ("a: 1\nb: 2\na: 3\n", "c.yaml, line 3, column 1: a: the key 'a' is repeated here"),
        ("a: {b: 1, b: 1}\n", "c.yaml, line 1, column 11: a.b: the key 'b' is repeated here"),
        ("a: [1\nb: 2\n", "c.yaml, line 2, column 2: a: not valid YAML: "),
        ("a:\n\t- b\n", "c.yaml, line 2, column 1: a: not valid YAML: found character '\\t'"),
        ("a: !!python/name:os.system\n", "c.yaml, line 1, column 4: a: the tag '!!python/name:os.system'"),
        ("a: \0\n", "c.yaml, line 1, column 4: not valid YAML: special characters are not allowed"),
    ],
)
def test_bad_yaml(write, text, message):
    with pytest.raises(ConfigError) as caught:
        Document(write(text, "c.yaml"))
    assert str(caught.value).startswith(message)


def test_config_that_is_no_text(tmp_path):
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigError, match="the file is not text in UTF-8"):
        Document(tmp_path / "c.yaml")
    with pytest.raises(ConfigError, match=r"no\.yaml: No such file"):
        Document(tmp_path / "no.yaml")


def test_overrides(write):
    overrides = [
        "seed=4",
        "model.1.Dense.units=64",
        "model.0=flatten",
        "model.2.dropout.rate=.5",
        "compile.optimizer.Adam.learning_rate=1e-2",
        "compile.metrics=[mse, mae]",
        "data.source.SklearnDataset.name=wine",
        "fit.batch_size=7",
        "fit.callbacks=[{EarlyStopping: {patience: 2}}]",
    ]
    values = Document(write(SMALL), overrides).values
    assert values["seed"] == 4
    assert values["model"][:3] == [
        "flatten",
        {"Dense": {"units": 64, "activation": "relu"}},
        {"Dropout": {"rate": 0.5}},
    ]
    assert values["compile"]["optimizer"] == {"adam": {"learning_rate": 0.01}}
    assert values["compile"]["metrics"] == ["mse", "mae"]
    assert values["data"]["source"] == {"SklearnDataset": {"name": "wine"}}
    assert values["fit"] == {"epochs": 3, "batch_size": 7, "callbacks": [{"EarlyStopping": {"patience": 2}}]}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("fit.epochs", "expected key=value, such as fit.epochs=3"),
        ("model.9.Dense.units=1", "expected an index from 0 to 3, got '9'"),
        ("model.x=1", "expected an index from 0 to 3, got 'x'"),
        ("model.1.Dens.units=1", "unknown key 'Dens'; did you mean 'Dense'? Allowed: Dense"),
        ("model.1.Dense.unit=1", "model[1].Dense.unit: unknown argument 'unit'; did you mean 'units'?"),
        ("modle.1.Dense.units=1", "unknown argument 'modle'; did you mean 'model'?"),
        ("compile.optimizer.SGD.momentum=1", "unknown key 'SGD'; Allowed: adam"),
        ("seed.x=1", "3 has no key 'x'"),
        ("fit.epochs=[", "not valid YAML"),
        ("fit.epochs=many", "fit.epochs: expected an integer, got 'many'"),
    ],
)
def test_bad_overrides(write, override, message):
    with pytest.raises(ConfigError) as caught:
        Experiment.from_file(write(SMALL), [override])
    assert str(caught.value).startswith(f"--set {override}: ")
    assert message in str(caught.value)


def without_column(error):
    """The message of an error in a file, which names a column behind the line, without that."""
    text, columns = re.subn(r"(, line \d+), column \d+: ", r"\1: ", str(error))
    assert columns == 1
    return text


def line_of(text):
    return next(number for number, line in enumerate(SMALL.splitlines(), start=1) if text in line)


BAD_CONFIGS = {
    "unknown section": ("fit:", "fti:", "fti: unknown argument 'fti'; did you mean 'fit'?"),
    "unknown layer": ("Normalization", "Normalisation", "model[0]: unknown layer 'Normalisation'; did you mean"),
    "unknown layer argument": (
        "rate: 0.2",
        "rat: 0.2",
        "model[2].Dropout.rat: unknown argument 'rat'; did you mean 'rate'?",
    ),
    "missing layer argument": ("rate: 0.2", "", "model[2].Dropout: missing argument 'rate'"),
    "wrong type": ("units: 8", "units: eight", "model[1].Dense.units: expected an integer, got 'eight'"),
    "out of range": ("rate: 0.2", "rate: 2", "model[2].Dropout.rate: must be in"),
    "unknown activation": ("relu", "rely", "model[1].Dense.activation: unknown activation"),
    "unknown optimizer": ("adam", "adan", "compile.optimizer: unknown optimizer 'adan'; did you mean 'Adam'?"),
    "unknown loss": ("{SparseC", "{SpareC", "compile.loss: unknown loss 'SpareCategoricalCrossentropy'; did you mean"),
    "loss argument": (
        "from_logits: true",
        "from_logits: no",
        "compile.loss.SparseCategoricalCrossentropy.from_logits: expected true or false, got 'no'",
    ),
    "unknown metric": ("accuracy", "acuracy", "compile.metrics[0]: unknown metric 'acuracy'"),
    "unknown callback": (
        "epochs: 3",
        "callbacks: [{EarlyStoping: {patience: 1}}]",
        "fit.callbacks[0]: unknown callback 'EarlyStoping'; did you mean 'EarlyStopping'?",
    ),
    "unknown compile argument": (
        "optimizer:",
        "optimiser:",
        "compile.optimiser: unknown argument 'optimiser'; did you mean 'optimizer'?",
    ),
    "unknown fit argument": ("epochs:", "epoch:", "fit.epoch: unknown argument 'epoch'; did you mean 'epochs'?"),
    "progress": ("epochs: 3", "verbose: 1", "fit.verbose: unknown argument 'verbose'"),
    "split in fit": ("epochs: 3", "validation_split: 0.1", "fit.validation_split: unknown argument 'validation_split'"),
    "epochs": ("epochs: 3", "epochs: 1.5", "fit.epochs: expected an integer, got 1.5"),
    "unknown source": (
        "{SklearnDataset",
        "{SklearnSet",
        "data.source: unknown data source 'SklearnSet'; did you mean 'SklearnDataset'?",
    ),
    "unknown data set": (
        "iris",
        "irises",
        "data.source.SklearnDataset.name: unknown data set 'irises'; did you mean 'iris'?",
    ),
    "bool": ("stratify: true", "stratify: yes", "data.split.stratify: expected true, false or auto, got 'yes'"),
    "split": ("test: 0.2", "test: 0.9", "data.split: validation 0.2 and test 0.9 leave no rows for training"),
    "seed": ("seed: 3", "seed: -1", "seed: must be in"),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_bad_config_names_file_line_and_key(write, case):
    good, bad, message = BAD_CONFIGS[case]
    with pytest.raises(ConfigError) as caught:
        Experiment.from_file(write(SMALL.replace(good, bad, 1)))
    assert without_column(caught.value).startswith(f"small.yaml, line {line_of(good)}: {message}")


def test_the_line_of_an_argument_under_an_alias(write):
    aliased = SMALL.replace("{SparseCategoricalCrossentropy: {from_logits: true}}", "\n    mse:\n      reduction: x")
    with pytest.raises(
        ConfigError, match=r"small\.yaml, line 15, column 7: compile\.loss\.MeanSquaredError\.reduction: "
    ):
        Experiment.from_file(write(aliased))


def test_repeated_values_are_written_out():
    shared = {"units": 3}
    assert dump({"a": shared, "b": shared}) == "a:\n  units: 3\nb:\n  units: 3\n"


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        (SMALL[SMALL.index("model:") : SMALL.index("compile:")], "model: []\n", "model: expected one layer or more"),
        (SMALL[SMALL.index("model:") : SMALL.index("compile:")], "", "missing argument 'model'"),
        (SMALL[SMALL.index("compile:") : SMALL.index("fit:")], "", "missing argument 'compile'"),
    ],
)
def test_missing_parts_of_a_config(write, good, bad, message):
    with pytest.raises(ConfigError) as caught:
        Experiment.from_file(write(SMALL.replace(good, bad)))
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.0.Normalization.axis=5", "model[0]"),
        ("model.1.Dense.name=dense_1", "model: there is a layer named 'dense_1' already"),
        ("compile.metrics=[accuracy, BinaryAccuracy]", "y_true"),
    ],
)
def test_what_does_not_fit_is_found_before_training(write, override, message):
    experiment = Experiment.from_file(write(SMALL.replace("units: 3}", "units: 3, name: dense_1}")), [override])
    with pytest.raises((ConfigError, DataError)) as caught:
        experiment.prepare()
    assert message in str(caught.value)
    assert override in str(caught.value) or str(caught.value).startswith("small.yaml")


def test_the_seed_decides_everything(write):
    experiments = [Experiment.from_file(write(SMALL), [f"seed={seed}"]) for seed in (1, 1, 2)]
    (first, data), (same, same_data), (other, other_data) = [experiment.prepare() for experiment in experiments]
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), same.get_weights(), strict=True))
    assert np.array_equal(data.parts["test"][0], same_data.parts["test"][0])
    assert not np.array_equal(data.parts["test"][0], other_data.parts["test"][0])
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def test_an_absent_seed_is_drawn_and_recorded(write):
    text = SMALL.replace("seed: 3\n", "")
    seeds = {Experiment.from_file(write(text)).get_config()["seed"] for _ in range(5)}
    assert len(seeds) == 5
    run = train(Experiment.from_file(write(text)), quiet=True)
    assert run.experiment.seed == json.loads((run.folder / "environment.json").read_text())["seed"]


def test_an_experiment_in_python():
    experiment = Experiment(
        data={"source": SklearnDataset("iris")},
        model=["normalization", {"Dense": {"units": 3, "activation": "softmax"}}],
        compile={"loss": "sparse_categorical_crossentropy"},
    )
    model, data = experiment.prepare()
    assert isinstance(model, Sequential)
    assert model.predict(data.parts["test"][0], verbose=0).shape == (30, 3)


def test_run_folder(write):
    run = train(Experiment.from_file(write(SMALL)), quiet=True)
    assert run.folder == Path("runs/small-1")
    assert {path.name for path in run.folder.iterdir()} == {
        "checkpoints",
        "state.json",
        "config.yaml",
        "environment.json",
        "history.csv",
        "manifest.json",
        "metrics.json",
        "model.safetensors",
        "preprocessing.json",
    }
    assert [path.name for path in Path("runs").iterdir()] == ["small-1"]
    assert list(run.metrics) == ["validation", "test"]
    figures = ["loss", "accuracy", "balanced_accuracy", "log_loss", "roc_auc", "average_precision", "f1"]
    assert all(list(values) == figures for values in run.metrics.values())
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["nnlite"] == nnlite.__version__
    assert environment["numpy"] == np.__version__
    assert environment["seed"] == 3

    with open(run.folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert float(rows[-1]["val_loss"]) == pytest.approx(run.metrics["validation"]["loss"], rel=1e-6)
    assert train(Experiment.from_file(write(SMALL)), quiet=True).folder == Path("runs/small-2")


def test_rendered_config_spells_every_default_out(write):
    run = train(Experiment.from_file(write(SMALL)), quiet=True)
    rendered = Document(run.folder / "config.yaml").values
    assert list(rendered) == ["seed", "data", "model", "compile", "fit", "checkpoint"]
    assert rendered["checkpoint"] == {"every": "auto", "keep": 3}
    assert rendered["compile"]["optimizer"]["Adam"]["beta_1"] == 0.9
    assert rendered["model"][1]["Dense"]["kernel_initializer"]
    assert rendered["fit"]["shuffle"] is True
    assert rendered["data"]["standardize_target"] is True
    assert run.experiment.get_config() == rendered


def test_rerunning_the_rendered_config_gives_the_same_history_byte_for_byte(write, tmp_path, monkeypatch):
    rows = np.random.default_rng(0).normal(size=(60, 2)).round(3)
    lines = [f"{a},{b},{'x' if a > 0 else 'y'},{a - b}" for a, b in rows]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c,t", *lines]))
    text = SMALL.replace("{SklearnDataset: {name: iris}}", "{Csv: {path: t.csv, target: t, categorical: [c]}}")
    text = text.replace(", stratify: true", "").replace("- Normalization", "- Identity").replace("units: 3", "units: 1")
    text = text.replace("{SparseCategoricalCrossentropy: {from_logits: true}}", "mse").replace("accuracy", "mae")
    first = train(Experiment.from_file(write(text)), quiet=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = train(Experiment.from_file(tmp_path / first.folder / "config.yaml"), out="again", quiet=True)
    for name in ("history.csv", "metrics.json", "config.yaml", "preprocessing.json", "model.safetensors"):
        assert (tmp_path / first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_history_differs_with_the_seed(write):
    histories = {
        (train(Experiment.from_file(write(SMALL), [f"seed={seed}"]), quiet=True).folder / "history.csv").read_bytes()
        for seed in (0, 1)
    }
    assert len(histories) == 2


def test_evaluate_measures_what_training_measured(write):
    run = train(Experiment.from_file(write(SMALL)), quiet=True)
    assert Run(run.folder).evaluate() == run.metrics


def test_evaluate_uses_the_encoders_of_the_run(write):
    experiment = Experiment(
        data={"source": SklearnDataset("diabetes")}, model=[{"Dense": {"units": 1}}], compile={"loss": "mse"}, seed=0
    )
    run = train(experiment, quiet=True)
    assert run.evaluate()["test"]["loss"] == pytest.approx(run.metrics["test"]["loss"])
    encoders = json.loads((run.folder / "preprocessing.json").read_text())
    encoders["target"]["Quantities"]["mean"] = [1000.0]
    run.preprocessing = Preprocessing.get(encoders)
    assert run.evaluate()["test"]["loss"] > 10 * run.metrics["test"]["loss"]


def test_values_that_are_not_finite_become_null(write):
    with np.errstate(all="ignore"):
        ignored = ["compile.optimizer={SGD: {learning_rate: 1e20}}", "fit.on_divergence=ignore"]
        run = train(Experiment.from_file(write(SMALL), ignored), quiet=True)
    assert run.metrics["test"]["loss"] is None
    assert '"loss": null' in (run.folder / "metrics.json").read_text()


def test_data_is_sought_beside_the_config_and_recorded_as_seen_from_the_run(write, tmp_path):
    (tmp_path / "sub").mkdir()
    np.savez(tmp_path / "sub" / "a.npz", inputs=np.eye(20), target=np.arange(20) % 3)
    text = SMALL.replace("{SklearnDataset: {name: iris}}", "{Npz: {path: a.npz}}").replace(", stratify: true", "")
    run = train(Experiment.from_file(write(text, "sub/small.yaml")), quiet=True)
    assert run.experiment.data.source.path == "../../sub/a.npz"
    assert run.experiment.located_data().source.path == str(tmp_path / "sub" / "a.npz")
    far = train(run.experiment, tmp_path / "a" / "b" / "c", quiet=True)
    assert far.experiment.data.source.path == str(tmp_path / "sub" / "a.npz")


def test_what_is_moved_together_is_evaluated_as_before(write, tmp_path):
    np.savez(tmp_path / "a.npz", inputs=np.eye(20), target=np.arange(20) % 3)
    text = SMALL.replace("{SklearnDataset: {name: iris}}", "{Npz: {path: a.npz}}").replace(", stratify: true", "")
    figures = train(Experiment.from_file(write(text)), quiet=True).evaluate()
    (tmp_path / "elsewhere").mkdir()
    for name in ("runs", "a.npz"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    run = Run("elsewhere/runs/small-1")
    assert run.evaluate() == figures
    Path("elsewhere/a.npz").rename("b.npz")
    with pytest.raises(DataError, match=r"no file '\.\./\.\./a\.npz'.*--data"):
        run.evaluate()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run.evaluate("b.npz") == figures
    np.savez("c.npz", inputs=2 * np.eye(20), target=np.arange(20) % 3)
    with pytest.warns(TrainingWarning, match=r"c\.npz: not the data of the training"):
        run.evaluate("c.npz")


@pytest.mark.parametrize(
    ("units", "loss", "labels"),
    [
        (3, {"SparseCategoricalCrossentropy": {"from_logits": True}}, "abc"),
        (3, {"CategoricalCrossentropy": {"from_logits": True}}, "abc"),
        (1, {"BinaryCrossentropy": {"from_logits": True}}, "ab"),
    ],
)
def test_predict_gives_labels_and_probabilities(write, tmp_path, units, loss, labels):
    codes = np.random.default_rng(1).integers(len(labels), size=90)
    lines = [f"{code},{code * code},{labels[code]}" for code in codes]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,t", *lines]))
    (tmp_path / "new.csv").write_text("b,extra,a\n1,x,1\n0,y,0\n")
    experiment = Experiment(
        data={"source": {"Csv": {"path": "t.csv", "target": "t"}}},
        model=[{"Dense": {"units": units}}],
        compile={"loss": loss, "optimizer": {"Adam": {"learning_rate": 0.1}}},
        fit={"epochs": 40},
        seed=0,
    )
    columns = train(experiment, quiet=True).predict("new.csv")
    assert list(columns) == ["t", *(f"probability_{label}" for label in labels)]
    assert columns["t"] == ["b", "a"]
    probabilities = np.array(list(columns.values())[1:])
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, rtol=1e-6)
    assert (probabilities >= 0).all()
    assert probabilities.T.argmax(axis=1).tolist() == [1, 0]


def test_predict_gives_a_regression_in_the_targets_own_unit(write, tmp_path):
    amounts = np.random.default_rng(1).uniform(0, 10, size=(200, 1)).round(2)
    (tmp_path / "t.csv").write_text("\n".join(["a,price", *(f"{a},{5000 + 700 * a}" for (a,) in amounts)]))
    (tmp_path / "new.csv").write_text("a\n2\n8\n")
    experiment = Experiment(
        data={"source": {"Csv": {"path": "t.csv", "target": "price"}}},
        model=[{"Dense": {"units": 1}}],
        compile={"loss": "mse", "optimizer": {"Adam": {"learning_rate": 0.05}}},
        fit={"epochs": 60},
        seed=0,
    )
    columns = train(experiment, quiet=True).predict("new.csv")
    assert list(columns) == ["price"]
    np.testing.assert_allclose(columns["price"], [6400, 10600], rtol=0.01)


def test_class_weights_are_given_by_label(write):
    weights = "fit.class_weight={setosa: 1.0, versicolor: 2.0, virginica: 3.0}"
    experiment = Experiment.from_file(write(SMALL), [weights])
    _, data = experiment.prepare()
    assert experiment.fit_arguments(data)["class_weight"] == {0: 1.0, 1: 2.0, 2: 3.0}
    experiment = Experiment.from_file(write(SMALL), ["fit.class_weight={rose: 1.0}"])
    with pytest.raises(ConfigError, match=r"fit\.class_weight: unknown class 'rose'"):
        experiment.fit_arguments(data)
    experiment = Experiment(
        data={"source": SklearnDataset("diabetes")},
        model=[{"Dense": {"units": 1}}],
        compile={"loss": "mse"},
        fit={"class_weight": {0: 2.0}},
    )
    with pytest.raises(ConfigError, match=r"fit\.class_weight: a regression has no classes"):
        experiment.fit_arguments(experiment.prepare()[1])


def test_existing_folders_are_never_overwritten(write, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    for taken in ("full", "full/mine.txt"):
        with pytest.raises(ConfigError, match="already exists and is not an empty folder"):
            train(Experiment.from_file(write(SMALL)), out=taken, quiet=True)
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    for free in ("empty", "deep/er"):
        assert train(Experiment.from_file(write(SMALL)), out=free, quiet=True).folder == Path(free)


def test_interrupted_training_keeps_the_epochs_done(write, tmp_path, monkeypatch):
    from nnlite.callbacks import History

    pressed = []

    def ctrl_c(self, number, logs=None):
        if number == 2 and not pressed:
            pressed.append(number)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(History, "on_epoch_begin", ctrl_c)
    message = "interrupted in epoch 3; what was trained is kept in runs/small-1; continue with: nnlite train --resume"
    with pytest.raises(Interrupted, match=re.escape(message)) as caught:
        train(Experiment.from_file(write(SMALL)), quiet=True)
    assert caught.value.exit_code == 130
    assert len((tmp_path / "runs/small-1/history.csv").read_text().splitlines()) == 3
    assert Run("runs/small-1").evaluate() == Run("runs/small-1").metrics


def test_training_interrupted_in_its_first_epoch_leaves_nothing(write, tmp_path, monkeypatch):
    interrupt_in_epoch(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        train(Experiment.from_file(write(SMALL)), quiet=True)
    assert list((tmp_path / "runs").iterdir()) == []


def interrupt_in_epoch(monkeypatch, epoch):
    """Let training meet Ctrl-C at the beginning of an epoch."""
    from nnlite.callbacks import History

    def interrupt(self, number, logs=None):
        if number == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(History, "on_epoch_begin", interrupt)


def test_damaged_run_folders(write, tmp_path):
    run = train(Experiment.from_file(write(SMALL)), quiet=True)
    with pytest.raises(DataError, match="nowhere: not a run folder"):
        Run("nowhere")
    (run.folder / "manifest.json").unlink()
    (run.folder / "preprocessing.json").write_text("{")
    with pytest.raises(DataError, match=r"preprocessing\.json: damaged"):
        Run(run.folder)
    (run.folder / "preprocessing.json").write_text('{"inputs": {"Raw": {"shape": ["x"]}}, "target": {}}')
    with pytest.raises(DataError, match=r"preprocessing\.json: 2 errors\n.*shape\[0\]: expected an integer"):
        Run(run.folder)
    (run.folder / "preprocessing.json").unlink()
    with pytest.raises(DataError, match=r"preprocessing\.json: No such file"):
        Run(run.folder)


def test_a_user_class_is_found_by_name(write):
    class Doubled(Layer):
        """outputs = 2 * inputs."""

        def linearize(self, inputs):
            from nnlite.jacobians import Diagonal, Jacobians

            return 2 * inputs, Jacobians(Diagonal(np.full((), 2, inputs.dtype), inputs.shape, inputs.shape))

    experiment = Experiment.from_file(write(SMALL), ["model.0=Doubled"])
    assert isinstance(experiment.model[0], Doubled)
    assert experiment.prepare()[0].output_shape == (None, 3)


TABLE = """seed: 1
data:
  source: {Csv: {path: t.csv, target: t, ordinal: [place], drop: [note]}}
  split: {validation: 0, test: 0.25}
model:
  - Identity
  - ColumnBranch:
      columns:
        place: [{Embedding: {input_dim: 4, output_dim: 2}}, Flatten]
        a, b: [{Dense: {units: 3}}]
        0-1: []
  - Dense: {units: 1, activation: sigmoid}
compile: {loss: binary_crossentropy, metrics: [accuracy]}
fit: {epochs: 2}
"""
TEXTS = """seed: 1
data:
  source: {Csv: {path: t.csv, target: t, text: note}}
  split: {validation: 0, test: 0.25}
model:
  - TextVectorization: {output_mode: multi_hot}
  - Dense: {units: 1, activation: sigmoid}
compile: {loss: binary_crossentropy, optimizer: {Adam: {learning_rate: 0.1}}}
fit: {epochs: 40}
"""


@pytest.fixture
def table(write):
    random = np.random.default_rng(0)
    rows = [
        f"{random.normal():.3f},{row % 5},{'xyz'[row % 3]},a {('good', 'bad')[row % 2]} day,{'rt'[row % 2]}"
        for row in range(60)
    ]
    write("\n".join(["a,b,place,note,t", *rows]), "t.csv")
    return write


def test_columns_have_branches_of_their_own(table):
    run = train(Experiment.from_file(table(TABLE)), quiet=True)
    branch = run.model.layers[1]
    assert list(branch.columns) == ["2", "0,1", "0-1"]
    assert branch.output_shape == (None, 7)
    assert list(Document(run.folder / "config.yaml").values["model"][1]["ColumnBranch"]["columns"])[1] == "a, b"
    assert run.evaluate() == run.metrics
    table("place,a,b\nx,0.5,1\nz,0.5,1\nelsewhere,0.5,1\n,0.5,1\n", "new.csv")
    predicted = run.predict("new.csv")["probability_r"]
    assert predicted[0] != predicted[1]
    assert predicted[2] == predicted[3]  # what the training part did not hold has the code 0


BAD_COLUMNS = {
    "unknown name": ("a, b:", "a, c:", "model[1].ColumnBranch.columns.a, c: layer 'column_branch' (Column"),
    "nearly a name": ("place: [{", "plaice: [{", "model[1].ColumnBranch.columns.plaice: layer 'column_branch'"),
    "twice": (
        "0-1:",
        '"0,1":',
        "model[1].ColumnBranch.columns.0,1: layer 'column_branch' (ColumnBranch) has two entries",
    ),
    "too few codes": (
        "input_dim: 4",
        "input_dim: 3",
        "model[1].ColumnBranch.columns.place: column 'place' has codes from 0 to 3, so its Embedding needs input_dim 4",
    ),
    "no such place": ("0-1", "0-9", "model[1].column_branch[5]: layer 'columns' (Columns) needs columns from 0 to 2"),
    "backwards": ("0-1", "1-0", "model[1]: columns '1-0' end before they begin"),
    "inside": ("units: 3", "unit: 3", "model[1].ColumnBranch.columns.a, b[0].Dense.unit: unknown argument 'unit'"),
    "two kinds": (
        "drop: [note]",
        "categorical: [place]",
        "data.source.Csv.ordinal: 'place' is categorical as well; a column is one of them",
    ),
    "text as well": ("drop: [note]", "text: note", "data.source.Csv.text: a model of texts takes one column; leave"),
    "order and classes": (
        "test: 0.25",
        "test: 0.25, shuffle: false, stratify: true",
        "data.split: stratify draws rows at random, shuffle: false keeps their order; choose one",
    ),
}


@pytest.mark.parametrize("case", BAD_COLUMNS)
def test_bad_columns_name_line_and_key(table, tmp_path, case):
    good, bad, message = BAD_COLUMNS[case]
    text = TABLE.replace(good, bad, 1)
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if bad in line]
    with pytest.raises(ConfigError) as caught:
        train(Experiment.from_file(table(text, "c.yaml")), quiet=True)
    place, _, rest = without_column(caught.value).partition(": ")
    assert rest.startswith(message)
    # The layer inside a container is named; the line is then the one where the container begins.
    assert place == f"c.yaml, line {7 if case in ('no such place', 'backwards') else lines[0]}"
    assert not (tmp_path / "runs").exists()


def test_column_branches_inside_others_get_their_names_too(table):
    text = TABLE.replace("  - ColumnBranch:", "  - Pipeline:\n     layers:\n      - ColumnBranch:")
    text = text.replace("      columns:", "          columns:")
    text = text.replace("        place", "            place").replace("        a,", "            a,")
    text = text.replace("        0-1", "            0-1")
    model, _ = Experiment.from_file(table(text)).prepare()
    assert list(model.layers[1].layers[0].columns) == ["2", "0,1", "0-1"]
    experiment = Experiment.from_file(table(text.replace("a, b", "a, c"), "c.yaml"))
    with pytest.raises(
        ConfigError, match=r"^c\.yaml, line 7, column 5: model\[1\]: layer ColumnBranch names a column 'c'"
    ):
        experiment.prepare()


def test_names_need_a_table(write):
    text = SMALL.replace("- Normalization", "- ColumnBranch: {columns: {length: []}}")
    with pytest.raises(
        ConfigError, match=r"line 7, column 30: model\[0\]\.ColumnBranch\.columns\.length: .* have no names"
    ):
        Experiment.from_file(write(text)).prepare()


@pytest.mark.parametrize("source", ["{Csv: {path: t.csv, target: t, text: note}}", "Agreement"])
@pytest.mark.parametrize("first", ["Dense: {units: 3}", "Embedding: {input_dim: 9, output_dim: 2}"])
def test_texts_need_a_layer_that_takes_them(table, source, first):
    text = TEXTS.replace("{Csv: {path: t.csv, target: t, text: note}}", source)
    text = text.replace("TextVectorization: {output_mode: multi_hot}", first)
    with pytest.raises(
        ConfigError, match=r"line 6, column 5: model\[0\]: the data are strings, .* begin with TextVectorization$"
    ):
        Experiment.from_file(table(text)).prepare()


def test_losses_that_do_not_fit_a_task_made_by_a_rule(write):
    text = TEXTS.replace("{Csv: {path: t.csv, target: t, text: note}}", "Agreement")
    with pytest.raises(DataError, match=r"^small\.yaml: Agreement has two classes; choose a loss of classes such as"):
        Experiment.from_file(write(text), ["compile.loss=mse"]).prepare()
    with pytest.raises(DataError, match=r"^small\.yaml: SeasonalSeries has numbers to predict; choose a regression"):
        Experiment.from_file(write(text), ["data.source=SeasonalSeries"]).prepare()


def test_predict_from_a_column_of_texts(table):
    run = train(Experiment.from_file(table(TEXTS)), quiet=True)
    table("other,note\n1,a bad day\n2,something good\n3,bad\n", "new.csv")
    assert run.predict("new.csv")["t"] == ["t", "r", "t"]
    table("text\nx\n", "wrong.csv")
    with pytest.raises(DataError, match=r"wrong\.csv: no column 'note'; Columns: text"):
        run.predict("wrong.csv")


NUMBERS_AND_PLACES = """
seed: 0
data: {source: {Csv: {path: t.csv, target: t, categorical: [place], ordinal: [b], drop: [note]}}, split: {test: 0.3}}
model: [{Dense: {units: 4, activation: tanh}}, {Dense: {units: 1, activation: sigmoid}}]
compile: {loss: binary_crossentropy}
"""


def test_the_model_of_a_table_takes_raw_tables(table):
    run = train(Experiment.from_file(table(NUMBERS_AND_PLACES)), quiet=True)
    model = nnlite.load_model(run.folder / "model.safetensors")
    table("a,b,place,note\n0.5,3,x,u\n,NA,,v\n-1,1,q,w\n", "new.csv")
    expected = run.predict("new.csv")["probability_t"]
    columns = {"note": ["u", "v", "w"], "b": [3.0, None, 1.0], "a": [0.5, None, -1], "place": ["x", None, "q"]}
    assert np.array_equal(model.predict(columns, verbose=0)[:, 0], expected)
    pd = pytest.importorskip("pandas")
    assert np.array_equal(model.predict(pd.DataFrame(columns), verbose=0)[:, 0], expected)
    assert np.array_equal(model.predict(pd.read_csv("new.csv"), verbose=0)[:, 0], expected)
    with pytest.raises(DataError, match="the table has no column 'place'"):
        model.predict(pd.DataFrame(columns).drop(columns="place"), verbose=0)
    assert model.encoder.to_spec() == run.preprocessing.inputs.to_spec()


def test_categories_that_are_numbers_match_those_of_the_file(write):
    rows = [f"{row},{('1.0', '2.0', '')[row % 3]},{'rt'[row % 2]}" for row in range(30)]
    write("\n".join(["a,place,t", *rows]), "t.csv")
    run = train(Experiment.from_file(write(NUMBERS_AND_PLACES.replace("ordinal: [b], drop: [note]", ""))), quiet=True)
    expected = run.predict("t.csv")["probability_t"]
    columns = {"a": range(30), "place": [(1.0, 2.0, None)[row % 3] for row in range(30)]}
    assert np.array_equal(run.model.predict(columns, verbose=0)[:, 0], expected)
    assert np.array_equal(run.model.encoder.encode(columns)[:3, 1:], [[0, 1, 0], [0, 0, 1], [1, 0, 0]])


def test_the_model_of_a_column_of_texts_takes_raw_tables(table):
    run = train(Experiment.from_file(table(TEXTS)), quiet=True)
    notes = ["a bad day", None, "good"]
    expected = run.model.predict(np.array(["a bad day", "", "good"], dtype=object), verbose=0)
    assert np.array_equal(run.model.predict({"other": [1, 2, 3], "note": notes}, verbose=0), expected)


def test_the_model_of_an_array_has_no_encoder(write):
    run = train(Experiment.from_file(write(SMALL)), quiet=True)
    assert run.model.encoder is None


def test_predict_from_sentences(write):
    text = TEXTS.replace("{Csv: {path: t.csv, target: t, text: note}}", "{Agreement: {rows: 100}}")
    run = train(Experiment.from_file(write(text)), quiet=True)
    write("the dog sees\n\n the pilots runs \n", "new.txt")
    predicted = run.predict("new.txt")
    assert list(predicted) == ["sentence", "probability_right", "probability_wrong"]
    wrong = run.model.predict(["the dog sees", "the pilots runs"], verbose=0)[:, 0]
    np.testing.assert_array_equal(predicted["probability_wrong"], wrong)
    assert predicted["sentence"] == [("right", "wrong")[value > 0.5] for value in wrong.tolist()]
    write("\n", "empty.txt")
    with pytest.raises(DataError, match=r"^empty\.txt: the file holds no text"):
        run.predict("empty.txt")


def test_predict_the_next_values_of_a_series(write):
    source = {"SeasonalSeries": {"rows": 50, "window": 4, "horizon": 2}}
    model = ["Flatten", {"Dense": {"units": 2}}]
    data = {"source": source, "split": {"shuffle": False}}
    run = train(Experiment(data=data, model=model, compile={"loss": "mse"}, seed=0), quiet=True)
    write("p,q,r,s\n1,2,3,4\n0,0,0,0\n4,3,2,1\n", "new.csv")
    predicted = run.predict("new.csv")
    assert list(predicted) == ["step_1", "step_2"]
    assert len(predicted["step_1"]) == 3
    write("p,q\n1,2\n", "short.csv")
    with pytest.raises(DataError, match=r"short\.csv: the model was made for rows of shape \(4, 1\)"):
        run.predict("short.csv")


@pytest.mark.parametrize("override, steps, batch", [("fit.batch_size=auto", 3, 32), ("fit.batch_size=90", 1, 90)])
def test_batch_size_of_a_file(write, override, steps, batch):
    """90 rows are trained on, 32 at once with auto."""
    model, data = (experiment := Experiment.from_file(write(SMALL), [override])).prepare()
    model.fit(*data.parts["training"], **{**experiment.fit_arguments(data), "epochs": 1, "verbose": 0})
    assert model.optimizer.iterations == steps
    assert profile(experiment).batch == batch


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("LBFGS", r"compile\.optimizer: LBFGS needs a loss without chance, and layer 'dropout'"),
        ("LevenbergMarquardt", r"compile\.optimizer: LevenbergMarquardt needs a sum of squared errors"),
    ],
)
def test_what_a_full_batch_optimizer_cannot_train_is_said_before_anything_is_written(tmp_path, optimizer, message):
    config = SMALL.replace("optimizer: adam", f"optimizer: {optimizer}")
    config = config if optimizer == "LBFGS" else config.replace("  - Dropout: {rate: 0.2}\n", "")
    path = tmp_path / "small.yaml"
    path.write_text(config)
    with pytest.raises(ConfigError, match=message):
        train(Experiment.from_file(path), out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
