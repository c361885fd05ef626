"""Targets: labels of any type, several labels per row, numbers and their logarithms, and what suits them."""

import json

import numpy as np
import pytest
from sklearn import metrics as reference

from nnlite.data import (
    Classes,
    Csv,
    Data,
    Inline,
    Labels,
    Npz,
    Preprocessing,
    Quantities,
    SklearnDataset,
    TargetEncoder,
)
from nnlite.data.encoders.targets import read_target, suited_kind
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError, ShapeError


def restored(encoder):
    return TargetEncoder.get(json.loads(json.dumps(encoder.to_spec())))


@pytest.mark.parametrize(
    ("target", "labels"),
    [
        (np.array(["no", "yes", "no"]), ["no", "yes"]),
        (np.array([3, -1, 3]), [-1, 3]),
        (np.array([0.5, 1.5, 0.5]), [0.5, 1.5]),
        (np.array([True, False, True]), [False, True]),
        (np.array(["ä", "a", "z"]), ["a", "z", "ä"]),
    ],
)
def test_labels_of_any_type_come_back_as_they_went_in(target, labels):
    encoder = restored(Classes.fit("t", target, "sparse"))
    assert encoder.labels == labels
    assert [type(label) for label in encoder.labels] == [type(label) for label in labels]
    outputs = np.eye(len(labels))[encoder.encode(target)]
    assert encoder.labels_of(outputs) == target.tolist()
    assert encoder.decode(outputs)["t"] == target.tolist()


def test_labels_of_another_table_match_by_their_text():
    assert Classes("t", [1, 2, 10], "sparse").encode(np.array(["10", "2"])).tolist() == [2, 1]
    assert Classes("t", ["1", "2"], "sparse").encode(np.array([2, 1])).tolist() == [1, 0]
    assert Classes("t", ["a", "b"], "sparse").encode(np.array(["b", "a"], object)).tolist() == [1, 0]
    with pytest.raises(DataError, match="unknown class '3' in 't'; the model knows 1, 2, 10"):
        Classes("t", [1, 2, 10], "sparse").encode(np.array(["3"]))


def test_a_threshold_decides_between_two_classes():
    encoder = restored(Classes("t", ["no", "yes"], "binary", threshold=0.3))
    assert encoder.labels_of(np.array([[0.3], [0.29], [0.9]])) == ["yes", "no", "yes"]
    two_units = Classes("t", ["no", "yes"], "sparse", threshold=0.3)
    assert two_units.labels_of(np.array([[0.6, 0.4], [0.8, 0.2]])) == ["yes", "no"]
    with pytest.raises(ConfigError, match="a threshold decides between two classes, 't' has 3"):
        Classes("t", list("abc"), "sparse", threshold=0.3)
    truth = np.array(["no", "no", "yes", "yes"])
    outputs = np.array([[0.1], [0.2], [0.3], [0.4]])
    assert encoder.scores(truth, outputs)["accuracy"] == 1
    assert Classes("t", ["no", "yes"], "binary").scores(truth, outputs)["accuracy"] == 0.5
    encoder.tune(truth, outputs, "f1")
    assert encoder.threshold == pytest.approx(0.25)


def test_scores_and_baseline_of_classes():
    encoder = Classes("t", ["a", "b", "c"], "sparse")
    learnt = np.array(list("aaaabbbc"))
    truth = np.array(list("abcab"))
    p = np.random.default_rng(0).dirichlet(np.ones(3), 5)
    assert encoder.scores(truth, p)["log_loss"] == pytest.approx(reference.log_loss(truth, p))
    shares = np.tile([4 / 8, 3 / 8, 1 / 8], (5, 1))
    baseline = encoder.baseline(learnt, truth)
    assert baseline["accuracy"] == 2 / 5 and baseline["balanced_accuracy"] == pytest.approx(1 / 3)
    assert baseline["log_loss"] == pytest.approx(reference.log_loss(truth, shares))
    assert baseline["roc_auc"] == 0.5
    heavy_c = encoder.baseline(learnt, truth, np.array([1.0] * 7 + [9.0]), np.array([1, 1, 6, 1, 1.0]))
    assert heavy_c["accuracy"] == pytest.approx(0.6)


def test_a_label_per_step_is_scored_step_by_step():
    encoder = Classes("t", [0, 1], "sparse")
    truth = np.array([[0, 1], [1, 1]])
    outputs = np.eye(2)[[[0, 1], [0, 1]]]
    assert encoder.scores(truth, outputs)["accuracy"] == 0.75
    assert encoder.scores(truth, outputs, np.array([1.0, 0.0]))["accuracy"] == 1
    assert encoder.baseline(truth, truth)["accuracy"] == 0.75


def test_several_labels_of_one_cell():
    cells = np.array(["red|blue", "", " blue ", "green|red|"])
    encoder = restored(Labels.fit(["colours"], cells, "|"))
    assert encoder.labels == ["blue", "green", "red"] and encoder.columns == ["colours"]
    assert encoder.encode(cells).tolist() == [[1, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 1]]
    decoded = encoder.decode(encoder.encode(cells))
    assert list(decoded) == ["colours", "probability_blue", "probability_green", "probability_red"]
    assert decoded["colours"] == ["blue|red", "", "blue", "green|red"]
    with pytest.raises(DataError, match="unknown label 'rde' in 'colours'; did you mean 'red'"):
        encoder.encode(np.array(["rde"]))
    with pytest.raises(DataError, match="the target 'colours' holds no label"):
        Labels.fit(["colours"], np.array(["", " "]), "|")


def test_several_columns_of_0_and_1():
    encoder = restored(Labels.fit(["a", "b"], np.array([["yes", "no"], ["1", "0"], ["True", "false"]])))
    assert encoder.encode(np.array([["yes", "no"], ["0", "1"]])).tolist() == [[1, 0], [0, 1]]
    decoded = encoder.decode(np.array([[0.9, 0.2]]))
    assert {name: values.tolist() for name, values in decoded.items()} == {
        "a": [1], "b": [0], "probability_a": [0.9], "probability_b": [0.2],
    }  # fmt: skip
    for bad in (np.array([[0, 2]]), np.array([["yes", "perhaps"]])):
        with pytest.raises(DataError, match=r"column 'b' of a multi-label target holds '(2|perhaps)', expected 0 or 1"):
            encoder.encode(bad)
    with pytest.raises(ShapeError, match="expected one column for each of"):
        encoder.encode(np.array([0, 1]))
    encoder.check_outputs((None, 2))
    with pytest.raises(ShapeError, match="needs 2 units"):
        encoder.check_outputs((None, 1))


def test_thresholds_of_labels():
    encoder = Labels(["a", "b"])
    truth = np.array([[1, 0], [0, 0], [1, 1], [0, 1]])
    outputs = np.array([[0.4, 0.6], [0.1, 0.7], [0.3, 0.9], [0.2, 0.8]])
    assert encoder.scores(truth, outputs)["subset_accuracy"] == 0.25
    encoder.tune(truth, outputs, "f1")
    assert encoder.thresholds == pytest.approx([0.25, 0.75])
    assert restored(encoder).scores(truth, outputs)["subset_accuracy"] == 1
    with pytest.raises(ConfigError, match="expected one threshold for each of 2 labels"):
        Labels(["a", "b"], thresholds=[0.5])


def test_baseline_of_labels_is_their_shares():
    learnt, truth = np.array([[1, 0], [1, 0], [1, 1], [0, 0]]), np.array([[1, 1], [0, 0]])
    baseline = Labels(["a", "b"]).baseline(learnt, truth)
    assert baseline["subset_accuracy"] == 0
    losses = [reference.log_loss([1, 0], [share, share], labels=[0, 1]) for share in (0.75, 0.25)]
    assert baseline["log_loss"] == pytest.approx(np.mean(losses))


@pytest.mark.parametrize(("transform", "forward"), [("log", np.log), ("log1p", np.log1p), (None, np.asarray)])
def test_numbers_are_transformed_standardised_and_brought_back(transform, forward):
    target = np.random.default_rng(0).lognormal(3, 1, (50, 2))
    rows = np.arange(30)
    encoder = restored(Quantities.fit(["u", "v"], target, rows, True, transform))
    encoded = encoder.encode(target)
    assert encoded[rows].mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert encoded[rows].std(axis=0) == pytest.approx(1, abs=1e-5)
    assert encoded == pytest.approx((forward(target) - encoder.mean) / encoder.scale, rel=1e-5)
    assert encoder.units(encoded.astype(float)) == pytest.approx(target, rel=1e-5)
    assert encoder.decode(encoded.astype(float))["v"] == pytest.approx(target[:, 1], rel=1e-5)
    plain = Quantities.fit(["u", "v"], target, rows, False, transform)
    assert plain.encode(target) == pytest.approx(forward(target), rel=1e-6)
    assert plain.changes_units == (transform is not None)


@pytest.mark.parametrize(
    ("transform", "low", "message"),
    [
        ("log", 0.0, "'u' has no logarithm: row 1 is 0; target_transform: log1p takes numbers above -1"),
        ("log", -3.0, "'u' has no logarithm: row 1 is -3; leave target_transform out"),
        ("log1p", -1.0, "'u' has no logarithm: row 1 is -1; leave target_transform out"),
    ],
)
def test_numbers_without_a_logarithm(transform, low, message):
    with pytest.raises(DataError, match=message):
        Quantities.fit(["u"], np.array([[1.0], [low]]), np.arange(2), True, transform)


def test_baseline_of_numbers_is_the_mean_and_for_absolute_errors_the_median():
    learnt, truth = np.array([[0.0], [1.0], [8.0]]), np.array([[2.0], [5.0]])
    baseline = Quantities(["y"], [0], [1]).baseline(learnt, truth)
    assert baseline["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, [3, 3]))
    assert baseline["r2"] == pytest.approx(reference.r2_score(truth, [3, 3]))
    assert baseline["mae"] == pytest.approx(reference.mean_absolute_error(truth, [1, 1]))
    weighted = Quantities(["y"], [0], [1]).baseline(learnt, truth, np.array([1.0, 1.0, 6.0]))
    assert weighted["mae"] == pytest.approx(reference.mean_absolute_error(truth, [8, 8]))
    assert weighted["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, [49 / 8, 49 / 8]))


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (np.array(["a", "b", "a"]), "binary"),
        (np.array(["a", "b", "c"]), "sparse"),
        (np.array([True, False]), "binary"),
        (np.array([0.0, 1.0, 0.0]), "binary"),
        (np.arange(20), "sparse"),
        (np.arange(21), "regression"),
        (np.array([0.5, 1.0, 2.0]), "regression"),
        (np.array([[0, 1], [1, 1]]), "binary"),
        (np.array([["0", "1"], ["yes", "no"]]), "binary"),
        (np.array([[0.5, 1], [1, 1]]), "regression"),
    ],
)
def test_what_a_target_asks_for(target, kind):
    assert suited_kind(target) == kind


def test_reading_the_columns_of_a_table():
    columns = {"t": ["1.5", "2", "3"], "l": ["a", "", "b"], "i": ["1", "2", "1"], "f": ["0", "1", "1"]}
    table = Table("t.csv", columns, [2, 3, 4])
    assert read_target(table, ["t", "i"], "regression").tolist() == [[1.5, 1], [2, 2], [3, 1]]
    assert read_target(table, ["l"], "multilabel").tolist() == ["a", "", "b"]
    assert read_target(table, ["t"], "sparse").tolist() == ["1.5", "2", "3"]
    assert read_target(table, ["t"], "auto").tolist() == [1.5, 2, 3]
    assert read_target(table, ["i"], "auto").dtype.kind == "i"
    assert read_target(table, ["f", "i"], "binary").tolist() == [["0", "1"], ["1", "2"], ["1", "1"]]
    assert read_target(table, ["f", "t"], "auto").tolist() == [[0, 1.5], [1, 2], [1, 3]]
    with pytest.raises(DataError, match="line 3, column 'l': the value is missing"):
        read_target(table, ["l"], "auto")


@pytest.fixture
def table(tmp_path):
    rows = [f"{i},{i / 4},{'u' if i % 3 else 'v'},{i % 2},{(i + 1) % 2},{'|'.join('pq'[: i % 3])}" for i in range(24)]
    (tmp_path / "t.csv").write_text("x,amount,word,a,b,tags\n" + "\n".join(rows) + "\n")

    def data(target, **options):
        others = {"amount", "word", "a", "b", "tags"} - set([target] if isinstance(target, str) else target)
        return Data(Csv(str(tmp_path / "t.csv"), target, drop=sorted(others)), **options)

    return data


@pytest.mark.parametrize(
    ("target", "options", "kind", "encoder"),
    [
        ("word", {}, "binary", Classes),
        ("amount", {}, "regression", Quantities),
        ("amount", {"target_transform": "log1p"}, "regression", Quantities),
        (["a", "b"], {}, "binary", Labels),
        ("tags", {"target_separator": "|"}, "binary", Labels),
        (["amount", "a"], {}, "regression", Quantities),
    ],
)
def test_a_target_chooses_its_encoder(table, target, options, kind, encoder):
    prepared = table(target, **options).prepare("auto", 0)
    assert prepared.kind == kind and type(prepared.preprocessing.target) is encoder
    again = table(target, **options).prepare("auto", 0, prepared.preprocessing)
    assert again.kind == kind
    assert np.array_equal(again.parts["test"][1], prepared.parts["test"][1])
    assert np.array_equal(prepared.preprocessing.target.encode(prepared.target("test")), prepared.parts["test"][1])


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (SklearnDataset("iris"), "sparse"),
        (SklearnDataset("breast_cancer"), "binary"),
        (SklearnDataset("diabetes"), "regression"),
        (SklearnDataset("linnerud"), "regression"),
        (Inline([[i] for i in range(20)], [i % 2 == 0 for i in range(20)]), "binary"),
        (Inline([[i] for i in range(20)], [i / 3 for i in range(20)]), "regression"),
    ],
)
def test_sources_without_a_loss(source, kind):
    prepared = Data(source).prepare("auto", 0)
    assert prepared.kind == kind
    assert len(prepared.parts["training"][1].shape) == (1 if kind == "sparse" else 2)


@pytest.mark.parametrize(
    ("target", "options", "kind", "message"),
    [
        ("word", {"target_transform": "log"}, "binary", "target_transform: only numbers have a logarithm"),
        ("amount", {"threshold": 0.3}, "regression", "threshold: a regression has no classes to decide between"),
        ("word", {"threshold": "f1", "split": {"validation": 0}}, "binary", "threshold: it is tuned on the validation"),
        ("tags", {"target_separator": "|"}, "sparse", "target_separator: rows with several labels need a loss"),
        ("tags", {"target_separator": ""}, "binary", "target_separator: expected a character or more"),
        (["a", "b"], {}, "sparse", "source.Csv.target: a classification has one target column"),
        ("word", {"threshold": 1.5}, "binary", "threshold"),
    ],
)
def test_options_that_do_not_fit_the_target(table, target, options, kind, message):
    with pytest.raises(ConfigError, match=message):
        table(target, **options).prepare(kind, 0)


def test_a_threshold_needs_two_classes():
    with pytest.raises(ConfigError, match="threshold: a threshold decides between two classes, the target has 3"):
        Data(SklearnDataset("iris"), threshold=0.5).prepare("sparse", 0)


def test_a_threshold_of_the_config_is_the_encoders(table):
    assert table("word", threshold=0.3).prepare("binary", 0).preprocessing.target.threshold == 0.3
    assert table(["a", "b"], threshold=0.3).prepare("binary", 0).preprocessing.target.thresholds == [0.3, 0.3]
    tuned_later = table("word", threshold="f1").prepare("binary", 0).preprocessing
    assert tuned_later.target.threshold is None
    assert Preprocessing.get(tuned_later.to_spec()).target.threshold is None


def test_labels_of_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", inputs=np.ones((8, 2)), target=np.tile([[0, 1], [1, 1]], (4, 1)))
    prepared = Data(Npz(str(tmp_path / "a.npz")), {"validation": 0}).prepare("binary", 0)
    assert prepared.preprocessing.target.labels == ["target_0", "target_1"]
