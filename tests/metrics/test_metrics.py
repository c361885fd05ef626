"""Every metric against scikit-learn or plain formulas, over batches, weights and shapes."""

import json
import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from keras_table import TABLE
from registered import registered
from sklearn import metrics as reference

from nnlite import Input, Sequential
from nnlite.errors import ConfigError, ShapeError, TrainingWarning
from nnlite.layers import Dense
from nnlite.losses import MeanSquaredError as MeanSquaredLoss
from nnlite.metrics import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    Metric,
    R2Score,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    resolve_accuracy,
)

generator = np.random.default_rng(7)
SAMPLES = 50
TARGETS = generator.normal(3, 2, (SAMPLES, 2))
PREDICTIONS = TARGETS + generator.normal(0, 1, (SAMPLES, 2))
LABELS = generator.integers(0, 4, SAMPLES)
SCORES = (np.eye(4)[LABELS] + generator.normal(0, 0.7, (SAMPLES, 4))).astype(np.float32)
BITS = generator.integers(0, 2, (SAMPLES, 3)).astype(np.float32)
CHANCES = np.clip(BITS + generator.normal(0, 0.6, BITS.shape), 0, 1).astype(np.float32)
WEIGHTS = generator.uniform(0, 2, SAMPLES)


def r2(**options):
    return lambda y_true, y_pred, weight: reference.r2_score(y_true, y_pred, sample_weight=weight, **options)


def adjusted_r2(y_true, y_pred, weight):
    return 1 - (1 - r2()(y_true, y_pred, weight)) * (SAMPLES - 1) / (SAMPLES - 3 - 1)


def label_accuracy(y_true, y_pred, weight):
    return reference.accuracy_score(LABELS, y_pred.argmax(-1), sample_weight=weight)


def bit_accuracy(threshold):
    return lambda y_true, y_pred, weight: np.average(((y_pred > threshold) == y_true).mean(1), weights=weight)


CASES = [
    (Mean(), (TARGETS[:, 0],), lambda values, weight: np.average(values, weights=weight)),
    (
        MeanSquaredError(),
        (TARGETS, PREDICTIONS),
        lambda y_true, y_pred, weight: reference.mean_squared_error(y_true, y_pred, sample_weight=weight),
    ),
    (
        MeanAbsoluteError(),
        (TARGETS, PREDICTIONS),
        lambda y_true, y_pred, weight: reference.mean_absolute_error(y_true, y_pred, sample_weight=weight),
    ),
    (
        RootMeanSquaredError(),
        (TARGETS, PREDICTIONS),
        lambda y_true, y_pred, weight: math.sqrt(reference.mean_squared_error(y_true, y_pred, sample_weight=weight)),
    ),
    (R2Score(), (TARGETS, PREDICTIONS), r2()),
    (R2Score("variance_weighted_average"), (TARGETS, PREDICTIONS), r2(multioutput="variance_weighted")),
    (R2Score(None), (TARGETS, PREDICTIONS), r2(multioutput="raw_values")),
    (R2Score(num_regressors=3), (TARGETS, PREDICTIONS), adjusted_r2),
    (
        Accuracy(),
        (LABELS, SCORES.argmax(-1)),
        lambda y_true, y_pred, weight: reference.accuracy_score(y_true, y_pred, sample_weight=weight),
    ),
    (BinaryAccuracy(), (BITS, CHANCES), bit_accuracy(0.5)),
    (BinaryAccuracy(threshold=0.2), (BITS, CHANCES), bit_accuracy(0.2)),
    (CategoricalAccuracy(), (np.eye(4)[LABELS], SCORES), label_accuracy),
    (SparseCategoricalAccuracy(), (LABELS, SCORES), label_accuracy),
]
EVERY_CASE = pytest.mark.parametrize(("metric", "data", "expected"), CASES, ids=lambda case: repr(case)[:40])


def test_every_metric_has_a_case():
    built_in = set(registered(Metric))
    assert built_in == {type(metric).__name__ for metric, *_ in [*CASES, *TABLE]}


@EVERY_CASE
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("cuts", [[], [1, 8, 40]], ids=["whole", "batches"])
def test_result_equals_the_reference(metric, data, expected, weight, cuts):
    metric.reset_state()
    metric.dtype = "float64"  # that of a result which is an array
    for rows in np.split(np.arange(SAMPLES), cuts):
        metric.update_state(*(array[rows] for array in data), sample_weight=None if weight is None else weight[rows])
    np.testing.assert_allclose(metric.result(), expected(*data, weight), rtol=1e-12)


@EVERY_CASE
def test_contract(metric, data, expected):
    copies = [array.copy() for array in data]
    metric.reset_state()
    assert metric.result() == 0.0
    value = metric(*data, sample_weight=WEIGHTS)
    assert isinstance(value, float) or metric.class_aggregation is None
    np.testing.assert_array_equal(metric.result(), value)
    np.testing.assert_equal(copies, list(data))
    metric.reset_state()
    np.testing.assert_array_equal(metric(*data, sample_weight=WEIGHTS), value)
    metric.reset_state()
    metric.update_state(*(array[:0] for array in data))
    assert metric.result() == 0.0


@EVERY_CASE
def test_config_round_trip(metric, data, expected):
    spec = json.loads(json.dumps(metric.to_spec()))
    again = Metric.get(spec)
    assert type(again) is type(metric)
    assert again.to_spec() == metric.to_spec()
    assert again is not metric


@EVERY_CASE
def test_wrong_shapes_are_errors(metric, data, expected):
    with pytest.raises(ShapeError, match=rf"{metric.name}: sample_weight .* need \(50,\)"):
        metric.update_state(*data, sample_weight=WEIGHTS[:49])
    with pytest.raises(ShapeError, match="sample_weight"):
        metric.update_state(*data, sample_weight=np.ones((SAMPLES, 1, 7)))
    if len(data) == 2:
        for y_true in (data[0][:1], data[0][:, None, None], data[0][0], 1.0):
            with pytest.raises(ShapeError, match=metric.name):
                metric.update_state(y_true, data[1])
        with pytest.raises(ShapeError, match=metric.name):
            metric.update_state(1.0, 1.0)


@pytest.mark.parametrize(("metric", "data"), [case[:2] for case in CASES if "accuracy" not in case[0].name])
def test_nan_is_not_hidden(metric, data):
    metric.reset_state()
    poisoned = data[-1].copy()
    poisoned[3] = np.nan
    assert np.isnan(metric(*data[:-1], poisoned)).all()
    metric.reset_state()


@pytest.mark.parametrize(
    "metric", [MeanSquaredError(), MeanAbsoluteError(), RootMeanSquaredError(), R2Score(), BinaryAccuracy(), Accuracy()]
)
def test_a_last_axis_of_size_one_may_be_missing(metric):
    y_true, y_pred = BITS[:, 0], CHANCES[:, 0]
    flat = metric(y_true, y_pred)
    for targets, predictions in [(y_true, y_pred[:, None]), (y_true[:, None], y_pred)]:
        metric.reset_state()
        assert metric(targets, predictions) == flat


def test_sparse_labels_may_have_a_last_axis_of_size_one():
    assert SparseCategoricalAccuracy()(LABELS[:, None], SCORES) == SparseCategoricalAccuracy()(LABELS, SCORES)


def test_labels_of_sequences_are_averaged_within_the_sample():
    labels = np.array([[0, 1], [1, 1]])
    scores = np.eye(2)[[[0, 1], [0, 1]]]
    assert SparseCategoricalAccuracy()(labels, scores) == 0.75
    assert SparseCategoricalAccuracy()(labels, scores, sample_weight=[3, 1]) == 0.875
    assert CategoricalAccuracy()(np.eye(2)[labels], scores, sample_weight=[3, 1]) == 0.875


@pytest.mark.parametrize("metric", [Accuracy(), MeanSquaredError()])
def test_totals_and_counts_are_numbers_with_the_methods_of_variables(metric):
    metric.update_state(np.float32([1, 0]), np.float32([1, 1]))
    metric.update_state(np.float32([1, 0]), np.float32([1, 1]), np.float32([1, 1]))
    assert isinstance(metric.total, float) and isinstance(metric.count, float)
    assert (metric.count.path, metric.count.dtype.name) == (f"{metric.name}/count", "float32")
    assert metric.count.numpy() == metric.count.value == 4
    assert metric.count.assign(5.0) == metric.count == 5
    metric.count.assign_add(1)
    metric.count.assign_sub(np.float32(2))
    metric.total.assign_add(metric.total)
    assert (metric.total, metric.count) == (4, 4) and metric.result() == 1


def test_counting_goes_on_beyond_the_precision_of_float32():
    metric = Mean()
    metric.update_state(1.0, sample_weight=2**24)
    metric.update_state(0.0)
    assert metric.count == 2**24 + 1
    assert metric.result() == 2**24 / (2**24 + 1)


@pytest.mark.parametrize("value", [2.0, np.float32(2), np.array(2.0)])
def test_mean_of_scalars(value):
    metric = Mean()
    metric.update_state(value, 3)
    metric.update_state(value * 3)
    assert metric.result() == (3 * 2 + 6) / 4
    assert isinstance(metric.result(), float)
    with pytest.raises(ShapeError):
        metric.update_state(value, [1, 2])


def test_weights_that_sum_to_zero_give_zero():
    for metric in (MeanSquaredError(), R2Score()):
        assert metric([1.0, 2.0], [2.0, 4.0], sample_weight=[0, 0]) == 0.0


def test_unsigned_integers_and_booleans_do_not_wrap_around():
    assert MeanAbsoluteError()(np.uint8([3]), np.uint8([1])) == 2.0
    assert R2Score()(np.uint8([0, 20, 40]), np.uint8([20, 20, 40])) == 0.5
    assert MeanSquaredError()(np.array([True, False]), np.array([False, False])) == 0.5


def test_root_is_taken_over_all_batches():
    metric = RootMeanSquaredError()
    metric.update_state([0.0], [1.0])
    metric.update_state([0.0], [7.0])
    assert metric.result() == 5.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_r2_is_stable_for_a_large_mean(dtype):
    y_true = (1e5 + generator.normal(0, 1, 4096)).astype(dtype)
    y_pred = (y_true + generator.normal(0, 0.5, 4096)).astype(dtype)
    metric = R2Score()
    for rows in np.split(np.arange(4096), 128):
        metric.update_state(y_true[rows], y_pred[rows])
    exact = reference.r2_score(y_true.astype(np.float64), y_pred.astype(np.float64))
    assert metric.result() == pytest.approx(exact, rel=1e-10)


def test_r2_is_stable_for_a_mean_of_a_hundred_million():
    y_true = 1e8 + np.arange(1000.0)
    metric = R2Score()
    for rows in np.split(np.arange(1000), 10):
        metric.update_state(y_true[rows], y_true[rows] + 100)
    assert metric.result() == pytest.approx(1 - 100**2 / ((1000**2 - 1) / 12), rel=1e-12)


def test_r2_of_a_constant_target():
    constant = np.full(7, 0.1)
    assert R2Score()(constant, constant) == 1.0
    assert R2Score()(constant, constant + 1) == 0.0
    assert np.isnan(R2Score()(constant, constant * np.nan))
    assert R2Score("variance_weighted_average")(constant, constant) == 1.0


def test_r2_ignores_rows_of_weight_zero():
    score = R2Score()([1e30, 1.0, 2.0, 4.0], [0.0, 1.5, 2.0, 3.0], sample_weight=[0, 1, 1, 1])
    assert score == pytest.approx(reference.r2_score([1, 2, 4], [1.5, 2, 3]), rel=1e-12)


def test_r2_keeps_its_number_of_outputs():
    metric = R2Score()
    metric.update_state(TARGETS, PREDICTIONS)
    with pytest.raises(ShapeError, match=r"r2_score: expected shape \(batch, 2\), got \(50, 1\)"):
        metric.update_state(TARGETS[:, :1], PREDICTIONS[:, :1])


def test_adjusted_r2_of_too_few_samples_warns_and_is_not_adjusted():
    with pytest.warns(UserWarning, match="3 samples are too few"):
        adjusted = R2Score(num_regressors=2)([1.0, 2.0, 4.0], [1.5, 2.0, 3.0])
    assert adjusted == R2Score()([1.0, 2.0, 4.0], [1.5, 2.0, 3.0])


@pytest.mark.parametrize(
    ("spec", "cls"),
    [
        ("mse", MeanSquaredError),
        ("mae", MeanAbsoluteError),
        ("rmse", RootMeanSquaredError),
        ("acc", Accuracy),
        ("r2_score", R2Score),
        ("SparseCategoricalAccuracy", SparseCategoricalAccuracy),
    ],
)
def test_lookup_by_name(spec, cls):
    assert type(Metric.get(spec)) is cls


def test_names():
    assert [Metric.get(name).name for name in ("mse", "rmse", "acc", "R2Score", "binary_accuracy", "mean")] == [
        "mse",
        "rmse",
        "acc",
        "R2Score",
        "binary_accuracy",
        "mean",
    ]
    assert MeanSquaredError(name="error").name == "error"


@pytest.mark.parametrize(
    ("metric", "key"),
    [
        ({"R2Score": {"class_aggregation": "mean"}}, "R2Score.class_aggregation: unknown value 'mean'"),
        ({"R2Score": {"num_regressors": -1}}, "R2Score.num_regressors: must be >= 0"),
        ({"BinaryAccuracy": {"threshold": "high"}}, "BinaryAccuracy.threshold: expected a number"),
        ("acuracy", "did you mean 'Accuracy'"),
    ],
)
def test_bad_config(metric, key):
    with pytest.raises(ConfigError, match=key):
        Metric.get(metric)


@pytest.mark.parametrize(
    ("loss", "output_shape", "target_shape", "expected"),
    [
        ({"target_kind": "binary", "from_logits": True}, (32, 1), (32,), BinaryAccuracy(threshold=0.0)),
        ({"target_kind": "binary", "from_logits": False}, (32, 1), (32,), BinaryAccuracy()),
        ({"target_kind": "binary"}, (32, 1), (32, 1), BinaryAccuracy()),
        ({"target_kind": "sparse", "from_logits": True}, (32, 3), (32,), SparseCategoricalAccuracy()),
        ({"target_kind": "categorical"}, (32, 3), (32, 3), CategoricalAccuracy()),
        ({}, (None, 1), (None,), BinaryAccuracy()),
        ({}, (None, 1), (None, 1), BinaryAccuracy()),
        ({}, (None, 3), (None, 3), CategoricalAccuracy()),
        ({}, (None, 3), (None,), SparseCategoricalAccuracy()),
        ({}, (None, 3), (None, 1), SparseCategoricalAccuracy()),
    ],
)
def test_accuracy_follows_loss_and_shapes(loss, output_shape, target_shape, expected):
    metric = resolve_accuracy(SimpleNamespace(**loss), output_shape, target_shape)
    assert metric.name == "accuracy"
    assert metric.to_spec() == {type(expected).__name__: {**expected.get_config(), "name": "accuracy"}}


def test_shapes_decide_beside_a_loss_of_regression():
    with pytest.warns(TrainingWarning, match=r"goes with a classification loss.*r2_score"):
        assert isinstance(resolve_accuracy(MeanSquaredLoss(), (32, 1), (32, 1)), BinaryAccuracy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = SimpleNamespace(target_kind="regression")
        assert isinstance(resolve_accuracy(loss, (32, 3), (32, 3)), CategoricalAccuracy)
        assert isinstance(resolve_accuracy(None, (32, 3), (32,)), SparseCategoricalAccuracy)


@pytest.mark.parametrize(("from_logits", "threshold"), [(False, 0.5), (True, 0.0)])
def test_shapes_decide_beside_several_binary_labels(from_logits, threshold):
    loss = SimpleNamespace(target_kind="binary", from_logits=from_logits)
    with pytest.warns(TrainingWarning, match=rf"largest output is right.*BinaryAccuracy\(threshold={threshold}\)"):
        assert isinstance(resolve_accuracy(loss, (32, 5), (32, 5)), CategoricalAccuracy)


@pytest.mark.parametrize("metric", [SparseCategoricalAccuracy(), CategoricalAccuracy()], ids=str)
def test_logits_serve_where_the_order_of_classes_counts(metric):
    assert metric.takes_logits
    assert not any(other.takes_logits for other in (Accuracy(), BinaryAccuracy(), MeanSquaredError(), Mean()))
    labels = LABELS if isinstance(metric, SparseCategoricalAccuracy) else np.eye(4)[LABELS]
    shares = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
    assert metric(labels, SCORES) == metric(labels, shares)


def test_a_metric_of_ones_own_gets_probabilities():
    class Confidence(SparseCategoricalAccuracy):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.accumulate(y_pred.max(axis=-1))

    try:
        assert not Confidence.takes_logits
        x, y = generator.normal(size=(SAMPLES, 3)), LABELS
        model = Sequential([Input((3,)), Dense(4, "softmax")], seed=0)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", Confidence()])
        _, accuracy, confidence = model.evaluate(x, y, verbose=0)
        shares = model.predict(x, verbose=0)
        assert accuracy == pytest.approx((shares.argmax(axis=1) == y).mean())
        assert confidence == pytest.approx(shares.max(axis=1).mean(), rel=1e-6)
    finally:
        del Metric._members["confidence"]
