"""Scores of whole vectors against scikit-learn's, and what is not defined."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from nnlite.errors import DataError, ShapeError
from nnlite.metrics.scores import (
    average_precision,
    best_threshold,
    calibration_bins,
    class_table,
    classification_scores,
    confusion_matrix,
    label_table,
    log_loss,
    multilabel_scores,
    precision_recall_curve,
    regression_scores,
    roc_auc,
    roc_curve,
    undefined_scores,
)

exact = pytest.approx
TOLERANCE = {"rel": 1e-12, "abs": 1e-12, "nan_ok": True}


def rows(classes: int, seed: int = 0, count: int = 200, ties: bool = True):
    """Class numbers, probabilities (rounded, so that many are equal) and weights, some of them 0."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, count)
    logits = generator.normal(size=(count, classes)) + 1.2 * np.eye(classes)[y]
    if ties:
        logits = logits.round()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y, p, generator.integers(0, 4, count) * 0.37


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_scores_of_two_classes(weighted, ties):
    y, p, w = rows(2, ties=ties)
    w = w if weighted else None
    chosen, second = p.argmax(axis=1), p[:, 1]
    assert classification_scores(y, p, w) == exact(
        {
            "accuracy": reference.accuracy_score(y, chosen, sample_weight=w),
            "balanced_accuracy": reference.balanced_accuracy_score(y, chosen, sample_weight=w),
            "log_loss": reference.log_loss(y, p, sample_weight=w),
            "roc_auc": reference.roc_auc_score(y, second, sample_weight=w),
            "average_precision": reference.average_precision_score(y, second, sample_weight=w),
            "f1": reference.f1_score(y, chosen, sample_weight=w),
        },
        **TOLERANCE,
    )
    assert list(classification_scores(y, p, w)) == [
        "accuracy", "balanced_accuracy", "log_loss", "roc_auc", "average_precision", "f1",
    ]  # fmt: skip
    assert roc_auc(y, second, w) == exact(reference.roc_auc_score(y, second, sample_weight=w), **TOLERANCE)


def test_one_column_is_the_probability_of_the_second_class():
    y, p, _ = rows(2)
    one = classification_scores(y, p[:, 1])
    assert one == exact(classification_scores(y, p), **TOLERANCE) == classification_scores(y[:, None], p[:, 1:])


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_of_several_classes(weighted):
    y, p, w = rows(4)
    w = w if weighted else None
    chosen = p.argmax(axis=1)
    found = classification_scores(y, p, w)
    assert found == exact(
        {
            "accuracy": reference.accuracy_score(y, chosen, sample_weight=w),
            "balanced_accuracy": reference.balanced_accuracy_score(y, chosen, sample_weight=w),
            "log_loss": reference.log_loss(y, p, sample_weight=w),
            "roc_auc": reference.roc_auc_score(y, p, sample_weight=w, multi_class="ovr"),
            "average_precision": reference.average_precision_score(np.eye(4)[y], p, sample_weight=w),
            "f1": reference.f1_score(y, chosen, sample_weight=w, average="macro"),
        },
        **TOLERANCE,
    )


def test_given_predictions_replace_the_most_probable_classes():
    y, p, _ = rows(2)
    chosen = (p[:, 1] >= 0.2).astype(int)
    found = classification_scores(y, p, predictions=chosen)
    assert found["f1"] == exact(reference.f1_score(y, chosen), **TOLERANCE)
    assert found["log_loss"] == classification_scores(y, p)["log_loss"]


@pytest.mark.parametrize("weighted", [False, True])
def test_tables_by_class(weighted):
    y, p, w = rows(3)
    w, chosen = w if weighted else None, p.argmax(axis=1)
    wanted = reference.confusion_matrix(y, chosen, sample_weight=w)
    assert confusion_matrix(y, chosen, 3, w) == exact(wanted, **TOLERANCE)
    assert confusion_matrix(y, chosen, 3).dtype.kind == "i"
    found = class_table(y, chosen, 3, w)
    for name, values in zip(
        ("precision", "recall", "f1", "support"),
        reference.precision_recall_fscore_support(y, chosen, sample_weight=w),
        strict=True,
    ):
        assert found[name] == exact(values, **TOLERANCE), name


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_curves(weighted, ties):
    y, p, w = rows(2, ties=ties)
    w, second = w if weighted else None, p[:, 1]
    for thinned in (True, False):
        found = roc_curve(y, second, w, drop_intermediate=thinned)
        wanted = reference.roc_curve(y, second, sample_weight=w, drop_intermediate=thinned)
        for ours, theirs in zip(found, wanted, strict=True):
            assert ours == exact(theirs, **TOLERANCE)
    wanted = reference.precision_recall_curve(y, second, sample_weight=w)
    for ours, theirs in zip(precision_recall_curve(y, second, w), wanted, strict=True):
        assert ours == exact(theirs, **TOLERANCE)


def test_calibration():
    y, p, _ = rows(2, ties=False)
    share, mean = calibration_curve(y, p[:, 1], n_bins=10)
    ours_mean, ours_share, count = calibration_bins(y, p[:, 1])
    occupied = count > 0
    assert ours_mean[occupied] == exact(mean, **TOLERANCE)
    assert ours_share[occupied] == exact(share, **TOLERANCE)
    assert count.sum() == len(y) and np.isnan(ours_mean[~occupied]).all()
    assert calibration_bins([1, 0], [0.05, 0.05], weights=[3, 1])[1][0] == 0.75


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("targets", [1, 3])
def test_scores_of_numbers(targets, weighted):
    generator = np.random.default_rng(0)
    y = generator.normal(1000, 10, (50, targets))
    predictions = y + generator.normal(size=y.shape)
    w = generator.integers(0, 3, 50) if weighted else None
    found = regression_scores(y, predictions, w, names=["a", "b", "c"][:targets])
    wanted = {
        "rmse": reference.root_mean_squared_error(y, predictions, sample_weight=w),
        "mae": reference.mean_absolute_error(y, predictions, sample_weight=w),
        "r2": reference.r2_score(y, predictions, sample_weight=w),
    }
    for column, name in enumerate("abc" if targets == 3 else ""):
        pair = y[:, column], predictions[:, column]
        wanted[f"{name}_rmse"] = reference.root_mean_squared_error(*pair, sample_weight=w)
        wanted[f"{name}_mae"] = reference.mean_absolute_error(*pair, sample_weight=w)
        wanted[f"{name}_r2"] = reference.r2_score(*pair, sample_weight=w)
    assert list(found) == list(wanted)
    assert found == exact(wanted, rel=1e-11)


def test_r2_of_a_constant_target_and_of_one_row():
    assert regression_scores([2.0, 2.0], [2.0, 2.0])["r2"] == reference.r2_score([2, 2], [2, 2]) == 1
    assert regression_scores([2.0, 2.0], [2.0, 3.0])["r2"] == reference.r2_score([2, 2], [2, 3]) == 0
    single = regression_scores([2.0], [3.0])
    assert np.isnan(single["r2"]) and single["rmse"] == 1


@pytest.mark.parametrize("rows_at_once", [1, 7, 40])
def test_regression_scores_of_some_rows_at_a_time(monkeypatch, rows_at_once):
    draw = np.random.default_rng(0)
    y, w = draw.normal(3, 2, (40, 2)), draw.random(40)
    predictions = (y + draw.normal(size=y.shape)).astype(np.float32)
    whole = regression_scores(y, predictions, w)
    monkeypatch.setattr("nnlite.metrics.scores.quantities.ROWS_AT_ONCE", rows_at_once)
    assert regression_scores(y, predictions, w) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_of_labels(weighted):
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, (80, 3))
    p = np.clip(0.5 * y + generator.random((80, 3)) * 0.6, 0, 1).round(1)
    w = generator.integers(0, 3, 80) if weighted else None
    chosen = (p > 0.5).astype(int)
    losses = [reference.log_loss(y[:, k], p[:, k], sample_weight=w) for k in range(3)]
    assert multilabel_scores(y, p, w) == exact(
        {
            "subset_accuracy": reference.accuracy_score(y, chosen, sample_weight=w),
            "f1_macro": reference.f1_score(y, chosen, average="macro", sample_weight=w),
            "f1_micro": reference.f1_score(y, chosen, average="micro", sample_weight=w),
            "roc_auc": reference.roc_auc_score(y, p, sample_weight=w),
            "log_loss": np.mean(losses),
        },
        **TOLERANCE,
    )
    found = label_table(y, chosen, w)
    wanted = reference.precision_recall_fscore_support(y, chosen, sample_weight=w)
    for ours, theirs in zip(found.values(), wanted, strict=True):
        assert ours == exact(theirs, **TOLERANCE)


def test_rows_of_one_class_have_no_curve():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = classification_scores([0, 0], [0.2, 0.6])
        assert np.isnan(found["roc_auc"]) and np.isnan(found["average_precision"])
        assert found["accuracy"] == found["balanced_accuracy"] == 0.5 and found["f1"] == 0
        assert np.isnan(classification_scores([0, 0], [0.2, 0.3])["f1"])
        only_positive = classification_scores([1, 1], [0.2, 0.6])
        assert np.isnan(only_positive["roc_auc"]) and only_positive["average_precision"] == 1
    assert undefined_scores([0, 0], ["no", "yes"]) == dict.fromkeys(
        ("roc_auc", "average_precision"), "no row is of class 'yes'"
    )
    assert undefined_scores([1, 1], ["no", "yes"]) == {"roc_auc": "no row is of class 'no'"}
    assert undefined_scores([0, 1], ["no", "yes"]) == {}


def test_a_class_that_does_not_occur_is_left_out_of_the_means():
    y, p, _ = rows(4)
    kept = y != 3
    y, p = y[kept], p[kept]
    found = classification_scores(y, p)
    aucs = [reference.roc_auc_score(y == k, p[:, k]) for k in range(3)]
    assert found["roc_auc"] == exact(np.mean(aucs), **TOLERANCE)
    precisions = [reference.average_precision_score(y == k, p[:, k]) for k in range(3)]
    assert found["average_precision"] == exact(np.mean(precisions), **TOLERANCE)
    assert found["f1"] == exact(reference.f1_score(y, p.argmax(axis=1), average="macro"), **TOLERANCE)
    assert found["balanced_accuracy"] == exact(
        reference.recall_score(y, p.argmax(axis=1), labels=[0, 1, 2], average="macro"), **TOLERANCE
    )
    assert undefined_scores(y, list("abcd"))["roc_auc"] == "no row is of class 'd'"


def test_weights_of_0_leave_nothing_to_score():
    assert all(np.isnan(score) for score in classification_scores([0, 1], [0.2, 0.6], [0, 0]).values())
    assert all(np.isnan(score) for score in regression_scores([0, 1], [0.2, 0.6], [0, 0]).values())
    assert all(np.isnan(score) for score in multilabel_scores([[0], [1]], [[0.2], [0.6]], [0, 0]).values())
    assert set(undefined_scores([0, 1], ["a", "b"], [0, 0])) == set(classification_scores([0, 1], [0, 1]))


def test_predictions_that_are_not_numbers_give_no_scores():
    assert all(np.isnan(score) for score in classification_scores([0, 1], [np.nan, 0.6]).values())
    assert all(np.isnan(score) for score in regression_scores([0.0, 1.0], [np.nan, 0.6]).values())
    assert all(np.isnan(score) for score in multilabel_scores([[0], [1]], [[np.nan], [0.6]]).values())


def test_log_loss_of_certain_and_wrong_is_finite():
    assert log_loss([0, 1], [1.0, 0.0]) == exact(reference.log_loss([0, 1], [1.0, 0.0]), rel=1e-12)
    single = np.array([1, 0], "float32")
    assert log_loss([0, 1], single) == exact(reference.log_loss([0, 1], single), rel=1e-6)
    assert log_loss([0, 1, 2], np.full((3, 3), 1 / 3)) == exact(np.log(3))


def test_average_precision_of_constant_scores_is_the_share_of_positive_rows():
    assert average_precision([0, 1, 0, 1, 1], [0.5] * 5) == exact(0.6)


@pytest.mark.parametrize("score", ["f1", "balanced_accuracy", "accuracy"])
@pytest.mark.parametrize("seed", range(3))
def test_no_threshold_is_better_than_the_best_one(score, seed):
    y, p, w = rows(2, seed, count=60)
    y = y & (np.arange(60) % 3 == 0)
    judge = {
        "f1": reference.f1_score,
        "balanced_accuracy": reference.balanced_accuracy_score,
        "accuracy": reference.accuracy_score,
    }[score]
    found = judge(y, p[:, 1] >= best_threshold(y, p[:, 1], score, w), sample_weight=w)
    others = [judge(y, p[:, 1] >= t, sample_weight=w) for t in (*p[:, 1], 2)]  # each way to part the rows
    assert found >= max(others) - 1e-12
    assert 0 < best_threshold(y, p[:, 1], score) <= 1


def test_threshold_of_one_class_is_a_half_and_the_nearest_of_equal_ones_is_taken():
    assert best_threshold([0, 0], [0.1, 0.9], "f1") == 0.5
    assert best_threshold([0, 1], [0.2, 0.8], "accuracy") == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: classification_scores([0, 2], [0.1, 0.2]), "class numbers from 0 to 1"),
        (lambda: classification_scores([0, 0.5], [0.1, 0.2]), "class numbers from 0 to 1"),
        (lambda: classification_scores([0], [0.1, 0.2]), "y has shape"),
        (lambda: classification_scores([0, 1], [0.1, 0.2], [1]), "weights have shape"),
        (lambda: classification_scores([0, 1], [0.1, 0.2], [1, -1]), "weights must be finite numbers >= 0"),
        (lambda: classification_scores([0, 1], np.zeros((2, 2, 2))), "probabilities have shape"),
        (lambda: regression_scores([0, 1], [[0.1, 0.2]]), "they must be equal"),
        (lambda: regression_scores(np.zeros((2, 1, 1)), [1, 2]), "y has shape"),
        (lambda: multilabel_scores([[0, 1]], [[0.5]]), "y has shape"),
        (lambda: roc_curve([0, 1], [0.5]), "both must be"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(call, message):
    with pytest.raises((DataError, ShapeError), match=message):
        call()
