"""Figures of a trained model in the terms of its data, the baseline beside them, and doubts in words."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.utils.class_weight import compute_class_weight

from nnlite import NNRegressor
from nnlite.cli import main
from nnlite.errors import ConfigError, DataError
from nnlite.experiment import Experiment, Run, cross_validate, format_folds, format_metrics, judge, measure, train
from nnlite.layers import Dense
from nnlite.losses import MeanSquaredError
from nnlite.models import Sequential

ROWS = 200


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A function that gives the config of a target of one table, as a mapping."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, ROWS))
    columns = {
        "a": a.round(4),
        "b": b.round(4),
        "price": np.exp(10 + a + 0.1 * random.normal(size=ROWS)).round(2),
        "area": (50 + 10 * b).round(2),
        "sold": np.where(a + b > 2, "yes", "no"),
        "kind": np.array(["x", "y", "z"])[(a > 0).astype(int) + (b > 0)],
        "left": (a > 0).astype(int),
        "up": (b > 0).astype(int),
        "w": random.integers(1, 4, ROWS),
        "who": [f"w{row % 20}" for row in range(ROWS)],
        "day": np.datetime64("2026-01-01") + np.arange(ROWS),
    }
    with open("t.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))

    def config(target, units=1, data=None, compile=None, fit=None, keep=()):
        targets = [target] if isinstance(target, str) else target
        drop = [name for name in columns if name not in ("a", "b", *targets, *keep)]
        return {
            "seed": 0,
            "data": {
                "source": {"Csv": {"path": str(tmp_path / "t.csv"), "target": target, "drop": drop}},
                **(data or {}),
            },
            "model": [{"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": units}}],
            "compile": {"optimizer": {"Adam": {"learning_rate": 0.02}}, **(compile or {})},
            "fit": {"epochs": 5, **(fit or {})},
        }

    return config


def trained(config):
    return train(Experiment.get(config), quiet=True)


def truth_and_predictions(run, part):
    """The raw target of a part, and the columns that the run predicts for its rows."""
    _, data = run.experiment.prepare(run.preprocessing)
    with open("part.csv", "w", newline="") as file:
        table = data.datasets[part].inputs
        writer = csv.writer(file)
        writer.writerow(table.columns)
        cells = list(zip(*table.columns.values(), strict=True))
        writer.writerows(cells[row] for row in data.rows[part])
    return data.target(part), run.predict("part.csv")


@pytest.mark.parametrize("transform", [None, "log"])
def test_errors_of_a_regression_are_in_the_targets_unit(config, transform):
    metrics = ["MeanAbsoluteError", "MeanSquaredError", "R2Score"]
    run = trained(config("price", data={"target_transform": transform}, compile={"metrics": metrics}))
    for part in ("validation", "test"):
        y, predicted = truth_and_predictions(run, part)
        y, predicted = y[:, 0], predicted["price"]
        figures = run.metrics[part]
        assert list(figures) == ["loss", "rmse", "mae", "r2", "mean_squared_error"]
        assert figures["rmse"] == pytest.approx(reference.root_mean_squared_error(y, predicted), rel=1e-9)
        assert figures["mae"] == pytest.approx(reference.mean_absolute_error(y, predicted), rel=1e-9)
        assert figures["r2"] == pytest.approx(reference.r2_score(y, predicted), rel=1e-9)
        assert figures["mean_squared_error"] == pytest.approx(figures["rmse"] ** 2, rel=1e-5)
    with open(run.folder / "history.csv") as file:
        last = list(csv.DictReader(file))[-1]
    assert float(last["val_mean_absolute_error"]) == pytest.approx(run.metrics["validation"]["mae"], rel=1e-4)
    assert float(last["val_loss"]) == pytest.approx(run.metrics["validation"]["loss"], rel=1e-4)
    assert run.evaluate() == run.metrics


def test_progress_is_shown_in_the_targets_unit(config, capsys):
    run = train(Experiment.get(config("price", compile={"metrics": ["MeanAbsoluteError"]})))
    line = capsys.readouterr().out.partition("Epoch 5/5")[2]
    shown = line.split("val_mean_absolute_error: ")[1].split()[0]
    assert float(shown) == pytest.approx(run.metrics["validation"]["mae"], rel=1e-3)


def test_several_numbers_have_figures_of_their_own(config):
    run = trained(config(["price", "area"], units=2))
    figures = run.metrics["test"]
    assert list(figures)[:4] == ["loss", "rmse", "mae", "r2"]
    assert figures["mae"] == pytest.approx((figures["price_mae"] + figures["area_mae"]) / 2)
    assert list(run.baseline["test"]) == list(figures)[1:]


@pytest.mark.parametrize(
    ("target", "units", "kind"), [("sold", 1, "BinaryCrossentropy"), ("kind", 3, "SparseCategoricalCrossentropy")]
)
def test_scores_of_classes_are_those_of_what_is_predicted(config, target, units, kind):
    run = trained(config(target, units))
    assert run.experiment.compile["loss"] == {
        kind: {**run.experiment.compile["loss"][kind], "from_logits": True},
    }
    y, predicted = truth_and_predictions(run, "test")
    labels = run.preprocessing.target.labels
    p = np.column_stack([predicted[f"probability_{label}"] for label in labels])
    figures = run.metrics["test"]
    names = ["loss", "accuracy", "balanced_accuracy", "log_loss", "roc_auc", "average_precision", "f1"]
    assert list(figures) == names and list(run.baseline["test"]) == names[1:]
    assert figures["accuracy"] == pytest.approx(reference.accuracy_score(y, predicted[target]))
    assert figures["log_loss"] == pytest.approx(figures["loss"], rel=1e-5)
    multi = {"multi_class": "ovr"} if units == 3 else {}
    assert figures["roc_auc"] == pytest.approx(reference.roc_auc_score(y, p if multi else p[:, 1], **multi))
    assert run.evaluate() == run.metrics


def test_several_labels_per_row(config):
    run = trained(config(["left", "up"], units=2, compile={"loss": "auto", "metrics": ["accuracy"]}))
    assert list(run.metrics["test"]) == [
        "loss", "subset_accuracy", "f1_macro", "f1_micro", "roc_auc", "log_loss", "accuracy",
    ]  # fmt: skip
    y, predicted = truth_and_predictions(run, "test")
    chosen = np.column_stack([predicted["left"], predicted["up"]])
    assert run.metrics["test"]["subset_accuracy"] == reference.accuracy_score(y.astype(int), chosen)
    assert run.evaluate() == run.metrics


def test_metrics_json_holds_parts_baseline_and_warnings(config):
    run = trained(config("sold", fit={"epochs": 1}))
    kept = json.loads((run.folder / "metrics.json").read_text())
    assert list(kept) == ["validation", "test", "baseline", "warnings"]
    assert run.metrics == {part: kept[part] for part in ("validation", "test")}
    assert run.baseline == kept["baseline"] and run.warnings == kept["warnings"]


def test_a_model_that_says_one_class_is_doubted(config):
    experiment = Experiment.get(config("sold", fit={"epochs": 1}))
    model, data = experiment.prepare()
    model.layers[-1].weights[0].value[...] = 0
    model.layers[-1].weights[1].value[...] = -9
    judgement = judge(model, data)
    rows = int((data.target("test") == "yes").sum())
    remedy = "`class_weight: balanced` in fit or `threshold: balanced_accuracy` in data may help"
    assert f"test: never predicts 'yes' ({rows} rows); {remedy}" in judgement.warnings
    assert any(
        line.startswith("test: accuracy 0.") and "does not beat the baseline's" in line for line in judgement.warnings
    )
    assert any("log_loss" in line and "the shares in the training part" in line for line in judgement.warnings)
    only_balanced = judge(model, data, balanced=True).warnings
    assert not any(": accuracy" in line for line in only_balanced)
    assert any("test: balanced_accuracy 0.5 does not beat the baseline's 0.5" in line for line in only_balanced)


def test_a_class_that_is_only_predicted_wrongly_is_doubted(config):
    experiment = Experiment.get(config("sold"))
    model, data = experiment.prepare()
    y = data.parts["test"][1]
    model.predict = lambda given, verbose: np.where(y == 1, -9.0, np.where(np.arange(len(y))[:, None] == 0, 9.0, -9.0))
    data.parts.pop("validation")
    found = judge(model, data).warnings
    assert f"test: finds no row of 'yes' ({int(y.sum())} rows): recall 0" in found


def test_a_regression_no_better_than_the_mean_is_doubted(config):
    model, data = Experiment.get(config("price", compile={"loss": "mse"})).prepare()
    for parameter in model.layers[-1].weights:
        parameter.value[...] = 0
    judgement = judge(model, data)
    assert judgement.metrics["test"]["r2"] == pytest.approx(judgement.baseline["test"]["r2"], abs=1e-5)
    assert judgement.metrics["test"]["rmse"] == pytest.approx(judgement.baseline["test"]["rmse"], rel=1e-5)
    model.layers[-1].weights[1].value[...] = 5
    found = judge(model, data).warnings
    assert all("does not beat the baseline's" in line and "rmse" in line for line in found) and len(found) == 2


def test_a_part_without_a_class_says_what_is_not_defined(config, tmp_path):
    spec = config("sold", data={"split": {"shuffle": False, "validation": 0, "test": 0.2}})
    rows = Path("t.csv").read_text().splitlines()
    place = rows[0].split(",").index("sold")
    kept = [rows[0], *sorted(rows[1:], key=lambda row: row.split(",")[place] != "yes")]
    Path("t.csv").write_text("\n".join(kept) + "\n")
    run = trained(spec)
    assert run.metrics["test"]["roc_auc"] is None and run.metrics["test"]["accuracy"] is not None
    assert "test: roc_auc, average_precision: no row is of class 'yes'" in run.warnings


def test_diverged_training_is_the_only_warning(config):
    with np.errstate(all="ignore"):
        run = trained(
            config("kind", 3, compile={"optimizer": {"SGD": {"learning_rate": 1e40}}}, fit={"on_divergence": "ignore"})
        )
    assert run.warnings == ["training diverged; lower the learning rate or scale the inputs"]
    assert set(run.metrics["test"].values()) == {None}


def test_without_other_parts_the_training_part_is_measured(config):
    run = trained(config("sold", data={"split": {"validation": 0, "test": 0}}))
    assert list(run.metrics) == list(run.baseline) == ["training"]


def test_the_last_value_is_the_baseline_of_a_series(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = {
        "SeasonalSeries": {"rows": 120, "window": 8, "horizon": 2, "noise": 0.01, "period": 60, "long_period": 90}
    }
    spec = {
        "seed": 0,
        "data": {"source": source, "split": {"shuffle": False}, "standardize_target": False},
        "model": ["Flatten", {"Dense": {"units": 2}}],
        "compile": {"loss": "mse"},
    }
    model, data = Experiment.get(spec).prepare()
    x, y = data.parts["test"]
    last = np.repeat(x[:, -1], 2, axis=1)
    baseline = judge(model, data).baseline["test"]
    assert baseline["rmse"] == pytest.approx(reference.root_mean_squared_error(y, last), rel=1e-5)
    shuffled = Experiment.get({**spec, "data": {**spec["data"], "split": {}}}).prepare()
    y, learnt = shuffled[1].target("test"), shuffled[1].target("training")
    mean = np.tile(learnt.mean(axis=0), (len(y), 1))
    rmse = reference.root_mean_squared_error(y, mean)
    assert judge(*shuffled).baseline["test"]["rmse"] == pytest.approx(rmse)


def test_the_row_before_is_the_baseline_of_a_table_in_time(config):
    lines = Path("t.csv").read_text().splitlines()
    place = lines[0].split(",").index("area")
    for row in range(1, len(lines)):
        cells = lines[row].split(",")
        cells[place] = str(1000 + 3 * row)
        lines[row] = ",".join(cells)
    Path("t.csv").write_text("\n".join(lines) + "\n")
    spec = config("area", data={"split": {"time": "day"}}, compile={"loss": "mse"}, keep=["day"])
    model, data = Experiment.get(spec).prepare()
    judgement = judge(model, data)
    assert judgement.baseline["test"]["rmse"] == judgement.baseline["validation"]["mae"] == pytest.approx(3)


def test_weights_count_in_loss_and_scores(config):
    run = trained(config("sold", data={"weights": "w"}, keep=["w"]))
    _, data = run.experiment.prepare(run.preprocessing)
    y, predicted = truth_and_predictions(run, "test")
    weights = data.weights["test"]
    assert run.metrics["test"]["accuracy"] == pytest.approx(
        reference.accuracy_score(y, predicted["sold"], sample_weight=weights)
    )
    assert run.metrics["test"]["log_loss"] != pytest.approx(
        reference.log_loss(y, np.column_stack([predicted["probability_no"], predicted["probability_yes"]])), rel=1e-3
    )
    unweighted = trained(config("sold"))
    assert (run.folder / "history.csv").read_text() != (unweighted.folder / "history.csv").read_text()
    assert run.evaluate() == run.metrics


def test_balanced_class_weights_are_those_of_the_oracle(config):
    balanced = trained(config("sold", fit={"class_weight": "balanced"}))
    _, data = balanced.experiment.prepare(balanced.preprocessing)
    labels = data.target("training")
    no, yes = compute_class_weight("balanced", classes=np.array(["no", "yes"]), y=labels)
    by_hand = trained(config("sold", fit={"class_weight": {"no": float(no), "yes": float(yes)}}))
    rows = [np.loadtxt(run.folder / "history.csv", delimiter=",", skiprows=1) for run in (balanced, by_hand)]
    assert rows[0] == pytest.approx(rows[1], rel=1e-5)
    assert balanced.experiment.fit["class_weight"] == "balanced"


@pytest.mark.parametrize("weights", [None, np.array([1.0, 2.0, 0.0, 1.0, 3.0, 1.0])])
def test_balanced_class_weights_in_python(weights):
    x = np.random.default_rng(0).normal(size=(6, 2))
    y = np.array([0, 0, 0, 0, 1, 2])
    table = compute_class_weight("balanced", classes=np.arange(3), y=y, sample_weight=weights)
    losses = []
    for given in ("balanced", dict(enumerate(table.tolist()))):
        model = Sequential([Dense(3)], seed=0)
        model.compile("sgd", {"SparseCategoricalCrossentropy": {"from_logits": True}})
        losses.append(model.fit(x, y, class_weight=given, sample_weight=weights, epochs=3, verbose=0).history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_balanced_class_weights_count_the_rows_that_are_trained_on():
    x, y = np.zeros((10, 1)), np.array([0] * 7 + [1] * 3)
    model = Sequential([Dense(1, kernel_initializer="zeros")], seed=0)
    model.compile({"SGD": {"learning_rate": 0.0}}, {"BinaryCrossentropy": {"from_logits": True}})
    history = model.fit(x, y, class_weight="balanced", validation_split=0.5, verbose=0).history
    assert history["loss"] == pytest.approx([np.log(2)])
    assert history["val_loss"] == pytest.approx([np.log(2)])


def test_balanced_class_weights_need_classes_and_arrays(config):
    with pytest.raises(ConfigError, match=r"fit\.class_weight: a regression has no classes"):
        trained(config("price", fit={"class_weight": "balanced"}))
    with pytest.raises(ConfigError, match=r"fit\.class_weight: rows have several labels"):
        trained(config(["left", "up"], 2, fit={"class_weight": "balanced"}))
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", MeanSquaredError())
    x, y = np.ones((4, 2)), np.ones((4, 1))
    with pytest.raises(ConfigError, match=r".balanced. needs a loss of classes, not MeanSquaredError"):
        model.fit(x, y, class_weight="balanced", verbose=0)
    with pytest.raises(ConfigError, match="batches do not show"):
        model.fit(iter([(x, y)]), class_weight="balanced", verbose=0)


def test_a_tuned_threshold_is_kept_and_used(config):
    run = trained(config("sold", data={"threshold": "f1"}))
    plain = trained(config("sold"))
    threshold = run.preprocessing.target.threshold
    assert threshold is not None and plain.preprocessing.target.threshold is None
    assert run.metrics["validation"]["f1"] >= plain.metrics["validation"]["f1"]
    y, predicted = truth_and_predictions(run, "validation")
    decided = np.where(predicted["probability_yes"] >= threshold, "yes", "no")
    assert predicted["sold"] == decided.tolist()
    grid = [reference.f1_score(y == "yes", predicted["probability_yes"] >= t) for t in np.linspace(0.001, 1, 500)]
    assert run.metrics["validation"]["f1"] >= max(grid) - 1e-12
    assert run.evaluate() == run.metrics


def test_a_fixed_threshold(config):
    run = trained(config("sold", data={"threshold": 1e-6}))
    assert set(truth_and_predictions(run, "test")[1]["sold"]) == {"yes"}


@pytest.mark.parametrize(
    ("last", "from_logits"), [({"units": 1}, True), ({"units": 1, "activation": "sigmoid"}, False)]
)
def test_the_loss_that_is_chosen_fits_the_last_layer(config, last, from_logits):
    spec = config("sold")
    spec["model"][-1] = {"Dense": last}
    model, _ = Experiment.get(spec).prepare()
    assert model.trainer.loss.from_logits is from_logits
    run = trained(spec)
    assert Experiment.from_file(run.folder / "config.yaml").compile["loss"] == model.trainer.loss.to_spec()


def test_a_chosen_loss_trains_as_the_same_one_given(config):
    chosen, given = (trained(config("price", compile=options)) for options in ({}, {"loss": "mse"}))
    assert (chosen.folder / "history.csv").read_bytes() == (given.folder / "history.csv").read_bytes()


def test_folds_give_mean_and_spread(config):
    spec = config("sold", data={"split": {"stratify": True}})
    result = cross_validate(Experiment.get(spec), 4, quiet=True)
    assert len(result["folds"]) == 4
    values = [fold["accuracy"] for fold in result["folds"]]
    assert result["mean"]["accuracy"] == pytest.approx(np.mean(values))
    assert result["spread"]["accuracy"] == pytest.approx(np.std(values, ddof=1))
    assert result["baseline"]["roc_auc"] == 0.5
    table = [line.split() for line in format_folds(result).splitlines()]
    assert table[0] == ["metric", "mean", "spread", "baseline"]
    assert table[1][0] == "loss" and table[1][3] == "-"


def test_folds_leave_the_kept_model_as_it_is(config):
    plain = trained(config("sold"))
    run = train(Experiment.get(config("sold", data={"split": {"group": "who"}}, keep=["who"])), quiet=True, folds=3)
    assert len(run.folds["folds"]) == 3 and plain.folds == {}
    again = train(Experiment.get(config("sold", data={"split": {"group": "who"}}, keep=["who"])), quiet=True)
    assert again.metrics == run.metrics
    assert (again.folder / "history.csv").read_bytes() == (run.folder / "history.csv").read_bytes()


def test_figures_that_are_not_defined_in_a_fold_are_left_out(config):
    spec = config("sold", data={"split": {"time": "day"}}, fit={"epochs": 1}, keep=["day"])
    lines = Path("t.csv").read_text().splitlines()
    place = lines[0].split(",").index("sold")
    for row in range(1, len(lines)):
        cells = lines[row].split(",")
        cells[place] = "yes" if row % 40 == 3 and row < 160 else "no"
        lines[row] = ",".join(cells)
    Path("t.csv").write_text("\n".join(lines) + "\n")
    result = cross_validate(Experiment.get(spec), 4, quiet=True)
    assert [fold["roc_auc"] is None for fold in result["folds"]] == [False, False, False, True]
    assert result["mean"]["roc_auc"] == pytest.approx(np.mean([fold["roc_auc"] for fold in result["folds"][:3]]))


def test_the_command_prints_tables_and_warnings(config, capsys):
    Path("c.yaml").write_text(json.dumps(config("sold", data={"weights": "w"}, keep=["w"], fit={"epochs": 1})))
    assert main(["train", "c.yaml", "--quiet", "--folds", "3"]) == 0
    out, err = capsys.readouterr()
    run = Run("runs/c-1")
    head, table = out.split("\n\n")
    assert head == f"3 folds\n{format_folds(run.folds)}"
    assert table == (
        "the model that is kept, trained as the config says\n"
        f"{format_metrics(run.metrics, run.baseline)}\nrun folder: runs/c-1\n"
    )
    assert err.splitlines() == [f"nnlite: warning: {line}" for line in run.warnings]
    assert main(["train", "c.yaml", "--folds", "1"]) == 2
    assert "--folds 1: expected a number of folds, 2 or more" in capsys.readouterr().err
    assert main(["train", "c.yaml", "--folds", "2"]) == 0
    assert "Fold 2/2  loss" in capsys.readouterr().out


def test_a_leak_is_refused_from_the_command_line(config, capsys):
    spec = config("sold", data={"split": {"by": "kind", "group": "who"}}, keep=["kind", "who"])
    lines = Path("t.csv").read_text().replace(",x,", ",train,").replace(",y,", ",test,").replace(",z,", ",validation,")
    Path("t.csv").write_text(lines)
    Path("c.yaml").write_text(json.dumps(spec))
    assert main(["train", "c.yaml", "--quiet"]) == 3
    assert "who 'w" in (message := capsys.readouterr().err) and "the parts must not share a who" in message


def test_table_of_figures_is_aligned():
    text = format_metrics({"test": {"loss": 0.25, "rmse": 123456.7, "r2": None}}, {"test": {"rmse": 2e9}})
    assert text.splitlines() == [
        "part  metric    model  baseline",
        "test  loss       0.25         -",
        "      rmse    123,457     2e+09",
        "      r2          nan         -",
    ]


def test_a_compiled_metric_that_is_a_score_under_another_name_is_left_out(config):
    spec = config(
        "price", compile={"loss": "mse", "metrics": ["R2Score", "RootMeanSquaredError", "MeanAbsolutePercentageError"]}
    )
    model, data = Experiment.get(spec).prepare()
    names = ["loss", "rmse", "mae", "r2", "mean_absolute_percentage_error"]
    assert [*measure(model, data)["test"]] == names


def test_a_compiled_metric_that_differs_from_the_score_of_its_kind_stays(config):
    adjusted = {"R2Score": {"num_regressors": 3}}
    model, data = Experiment.get(config("price", compile={"loss": "mse", "metrics": [adjusted]})).prepare()
    figures = measure(model, data)["test"]
    assert figures["r2_score"] != pytest.approx(figures["r2"], rel=1e-3)


def test_measure_gives_the_parts_alone(config):
    model, data = Experiment.get(config("kind", 3)).prepare()
    assert measure(model, data) == judge(model, data).metrics


def test_too_few_rows_for_folds(config):
    with pytest.raises(DataError, match="200 rows cannot be divided into 201 folds"):
        cross_validate(Experiment.get(config("sold")), 201)


@pytest.mark.parametrize("loss", [{}, {"loss": "auto"}])
def test_an_estimator_reads_a_config_without_a_loss(loss):
    spec = {"model": [{"Dense": {"units": 4}}, {"Dense": {"units": 1}}], "compile": {"optimizer": "adam", **loss}}
    assert NNRegressor.from_config(spec).loss == "auto"


def test_with_class_weights_a_run_is_judged_by_balanced_accuracy(config):
    idle = {"optimizer": {"SGD": {"learning_rate": 1e-9}}}
    plain = trained(config("sold", compile=idle, fit={"epochs": 1}))
    assert any(": accuracy " in line for line in plain.warnings)
    weighted = trained(config("sold", compile=idle, fit={"epochs": 1, "class_weight": {"yes": 5.0}}))
    assert not any(": accuracy " in line or ": log_loss " in line for line in weighted.warnings)


def test_balanced_class_weights_of_members():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 3)), np.repeat([0, 1], [30, 10])
    losses = []
    for given in ("balanced", {0: 40 / 60, 1: 40 / 20}, None):
        model = Sequential([Dense(1, name="d")], seed=0)
        model.compile("sgd", {"BinaryCrossentropy": {"from_logits": True}})
        losses.append(model.fit(x, y, class_weight=given, folds=2, epochs=2, verbose=0).history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)
