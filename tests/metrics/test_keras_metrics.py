"""The metrics of Keras 3: values, streams of batches, weights, states, arguments, and use in training."""

import json

import numpy as np
import pytest
from keras_table import BITS, CHANCES, LABELS, ROWS, SHARES, TABLE, WEIGHTS
from sklearn import metrics as reference

from nnlite import Input, Sequential, load_model, losses, metrics
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import Dense
from nnlite.metrics import AUC, Mean, MeanIoU, MeanMetricWrapper, Metric, Precision, Recall, Sum, sklearn_metric
from nnlite.registry import register_function

EVERY = pytest.mark.parametrize(("metric", "data", "expected"), TABLE, ids=[repr(row[0])[:50] for row in TABLE])
COUNTS = (metrics.TruePositives, metrics.FalseNegatives, metrics.Precision, metrics.Recall, metrics.MeanIoU)


def streamed(metric, data, weight, cuts):
    metric.reset_state()
    for rows in np.split(np.arange(ROWS), cuts):
        metric.update_state(*(array[rows] for array in data), sample_weight=None if weight is None else weight[rows])
    return metric.result()


@EVERY
@pytest.mark.parametrize("weight", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_values_and_streams(metric, data, expected, weight):
    whole = streamed(metric, data, weight, [])
    if expected is not None:
        np.testing.assert_allclose(whole, expected(weight), rtol=1e-12)
    batches = streamed(metric, data, weight, [1, 9, 40])
    np.testing.assert_allclose(batches, whole, rtol=1e-12)
    if weight is None and isinstance(metric, COUNTS):
        np.testing.assert_array_equal(batches, whole)


@EVERY
def test_contract(metric, data, expected):
    copies = [array.copy() for array in data]
    metric.reset_state()
    assert not np.any(metric.result())
    value = metric(*data, sample_weight=WEIGHTS)
    assert isinstance(value, float) or metric.average is None
    np.testing.assert_equal(copies, list(data))
    metric.reset_state()
    metric.update_state(*(array[:0] for array in data))
    assert not np.any(metric.result())
    with pytest.raises(ShapeError, match="sample_weight"):
        metric.update_state(*data, sample_weight=WEIGHTS[:-1])
    if len(data) == 2 and not isinstance(metric, MeanMetricWrapper):
        for y_true, y_pred in ((data[0][:1], data[1]), (1.0, 1.0)):
            with pytest.raises(ShapeError, match=metric.name):
                metric.update_state(y_true, y_pred)


@EVERY
def test_config_round_trip(metric, data, expected):
    if isinstance(metric, MeanMetricWrapper):
        pytest.skip("a function is saved by its registered name")
    spec = json.loads(json.dumps(metric.to_spec()))
    again = Metric.get(spec)
    assert again.to_spec() == metric.to_spec()
    np.testing.assert_array_equal(again(*data), streamed(metric, data, None, []))
    assert metrics.deserialize(metrics.serialize(metric)).to_spec() == spec


def test_a_number_as_the_weight_counts_once():
    error = metrics.MeanAbsoluteError()
    error.update_state([[1.0], [3.0]], [[0.0], [0.0]], sample_weight=2.0)
    assert error.result() == 2.0
    error.update_state([[8.0]], [[0.0]], sample_weight=1.0)
    assert error.result() == (2 * 2 + 8) / 3
    error.update_state(np.zeros((0, 1)), np.zeros((0, 1)), sample_weight=5.0)
    assert error.result() == (2 * 2 + 8) / 3


def test_counts_stay_exact_beyond_float32():
    mean = Mean()
    mean.update_state(1.0, sample_weight=2**24)
    for _ in range(1000):
        mean.update_state(0.0)
    assert mean.count == 2**24 + 1000
    counted = metrics.TruePositives()
    counted.true_positives = counted.true_positives + 2**24
    for _ in range(1000):
        counted.update_state([1], [0.9])
    assert counted.result() == 2**24 + 1000


def test_area_under_curves_of_many_thresholds_is_that_of_scikit_learn():
    scores = np.unique(CHANCES.ravel())
    between = ((scores[1:] + scores[:-1]) / 2).tolist()
    exact = AUC(thresholds=between)(BITS, CHANCES)
    assert exact == pytest.approx(reference.roc_auc_score(BITS.ravel(), CHANCES.ravel()), rel=1e-12)
    low, high = (
        AUC(thresholds=between, curve="PR", summation_method=how)(BITS, CHANCES) for how in ("minoring", "majoring")
    )
    assert low < AUC(thresholds=between, curve="PR")(BITS, CHANCES) < high


@pytest.mark.parametrize(
    ("options", "wanted"),
    [  # at thresholds below, 0.5 and above: 2, 1, 0 true and 2, 0, 0 false positives
        ({"num_thresholds": 3}, 0.75),
        ({"num_thresholds": 3, "curve": "PR"}, (1 / 3 * (1 + 2 / 3 * np.log(4)) + 1) / 2),
        ({"num_thresholds": 3, "curve": "PR", "summation_method": "minoring"}, 0.25),
        ({"num_thresholds": 3, "curve": "PR", "summation_method": "majoring"}, 1.0),
    ],
)
def test_area_of_three_thresholds(options, wanted):
    assert AUC(**options)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]) == pytest.approx(wanted, rel=1e-12)


def test_logits_of_any_size():
    with np.errstate(all="raise", under="ignore"):
        assert AUC(from_logits=True)([0, 1], [-1000.0, 1000.0]) == 1.0
        assert sklearn_metric("roc_auc", from_logits=True)([0, 1], [-1000.0, 1000.0]) == 1.0


def test_several_thresholds_give_an_array_in_their_order():
    found = Precision([0.7, 0.2], dtype="float64")(BITS, CHANCES)
    wanted = [Precision(limit)(BITS, CHANCES) for limit in (0.7, 0.2)]
    np.testing.assert_array_equal(found, wanted)
    assert metrics.FalseNegatives(thresholds=[0.3, 0.9])(BITS, CHANCES).shape == (2,)


def test_weights_of_entries():
    each = np.linspace(0.5, 2, BITS.size).reshape(BITS.shape)
    wanted = reference.recall_score(BITS.ravel(), CHANCES.ravel() > 0.5, sample_weight=each.ravel())
    assert Recall()(BITS, CHANCES, each) == pytest.approx(wanted, rel=1e-12)


def test_overlap_ignores_a_class_and_refuses_strangers():
    assert MeanIoU(2, ignore_class=255)([0, 1, 255], [0, 1, 0]) == 1.0
    with pytest.raises(DataError, match="there is a class 2; the classes are 0 to 1"):
        MeanIoU(2)([0, 2], [0, 1])
    with pytest.raises(ConfigError, match="0 to 1"):
        metrics.IoU(2, [2])


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: Mean("loss"), {}),
        (lambda: Sum("total", "float32"), {}),
        (lambda: metrics.MeanSquaredError("error"), {}),
        (lambda: metrics.BinaryAccuracy("hit", None, 0.3), {"threshold": 0.3}),
        (lambda: metrics.BinaryCrossentropy("bits", None, True), {"from_logits": True}),
        (lambda: Precision(0.3, None, 1, "p"), {"thresholds": [0.3], "class_id": 1}),
        (lambda: AUC(50, "PR", "minoring", "area"), {"num_thresholds": 50, "curve": "PR"}),
        (lambda: MeanIoU(3, "overlap", None, 2), {"num_classes": 3, "ignore_class": 2}),
        (lambda: metrics.F1Score("macro", 0.5, "f"), {"average": "macro", "threshold": 0.5}),
    ],
)
def test_names_and_arguments_by_position(make, wanted):
    metric = make()
    assert metric.name in ("loss", "total", "error", "hit", "bits", "p", "area", "overlap", "f")
    assert {name: getattr(metric, name) for name in wanted} == wanted


def test_arguments_twice_or_too_many():
    with pytest.raises(TypeError, match="two values for 'name'"):
        Mean("a", name="b")
    with pytest.raises(TypeError, match="takes 2 arguments by position"):
        Mean("a", None, 3)


class HalfSquares(Mean):
    """A subclass of a metric of ours, which compares."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(((y_true - y_pred) ** 2).mean(axis=-1) / 2, sample_weight=sample_weight)


class Hits(Metric):
    """A metric as Keras users write it."""

    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight(name="hits", initializer="zeros", dtype="float64")
        self.rows = self.add_variable(shape=(), initializer="zeros", dtype="float64", name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.hits.assign_add((np.abs(y_true - y_pred) < 1).sum())
        self.rows.assign(self.rows + len(y_true))

    def result(self):
        return self.hits / self.rows


class OwnReset(Hits, abstract=True):
    """It resets what its constructor makes."""

    def reset_state(self):
        self.hits.assign(0)
        self.rows.assign(0)


def far(y_true, y_pred):
    return np.abs(y_true - y_pred).max(axis=-1)


def test_metrics_of_users_in_training(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x.sum(axis=1, keepdims=True)
    model = Sequential([Input((3,)), Dense(1)], seed=0)
    model.compile("sgd", "mse", [HalfSquares("half"), Hits(), OwnReset("own"), far, losses.mean_absolute_error, "mape"])
    history = model.fit(x, y, epochs=2, batch_size=16, verbose=0, validation_data=(x, y)).history
    error = (model.predict(x, verbose=0) - y)[:, 0]
    last = {name: values[-1] for name, values in history.items()}
    assert last["val_half"] == pytest.approx((error**2).mean() / 2, rel=1e-5)
    assert last["val_hits"] == last["val_own"] == pytest.approx((np.abs(error) < 1).mean(), rel=1e-12)
    assert last["val_far"] == last["val_mean_absolute_error"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert all(type(value) is float for value in last.values())
    with pytest.raises(ConfigError, match="averages given values"):
        model.compile("sgd", "mse", [Mean()])


def test_a_model_with_metrics_is_saved(tmp_path):
    register_function(far)
    model = Sequential([Input((3,)), Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "bce", [AUC(20, name="area"), Recall(0.3), far], weighted_metrics=[Precision()])
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    x, y = np.ones((4, 3)), np.array([0, 1, 1, 0])
    assert again.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(x, y, verbose=0, return_dict=True)


def test_variables():
    metric = Hits()
    metric.update_state(np.zeros(4), np.zeros(4))
    assert [float(variable) for variable in metric.variables] == [4.0, 4.0]
    metric.reset_state()
    assert [float(variable) for variable in metric.variables] == [0.0, 0.0]
    mean = Mean()
    mean.update_state([1, 3])
    assert [float(variable) for variable in mean.variables] == [4.0, 2.0]


@pytest.mark.parametrize("scorer", ["balanced_accuracy", "matthews_corrcoef", "neg_log_loss", "roc_auc_ovr"])
def test_scorers_of_scikit_learn(scorer):
    metric = sklearn_metric(scorer)
    assert metric.name == scorer
    wanted = {
        "balanced_accuracy": lambda: reference.balanced_accuracy_score(LABELS, SHARES.argmax(-1)),
        "matthews_corrcoef": lambda: reference.matthews_corrcoef(LABELS, SHARES.argmax(-1)),
        "neg_log_loss": lambda: -reference.log_loss(LABELS, SHARES),
        "roc_auc_ovr": lambda: reference.roc_auc_score(LABELS, SHARES, multi_class="ovr"),
    }[scorer]()
    assert streamed(metric, (LABELS, SHARES), None, [7, 20]) == pytest.approx(wanted, rel=1e-12)
    assert metric(LABELS[:0], SHARES[:0]) == pytest.approx(wanted, rel=1e-12)


def test_scorers_of_two_classes_and_of_numbers():
    bits, chances = BITS[:, 0].astype(int), CHANCES[:, :1]
    assert sklearn_metric("roc_auc")(bits, chances) == pytest.approx(reference.roc_auc_score(bits, chances), rel=1e-12)
    logits = np.log(chances / (1 - chances))
    found = sklearn_metric("balanced_accuracy", from_logits=True)(bits, logits)
    assert found == reference.balanced_accuracy_score(bits, chances[:, 0] > 0.5)
    error = sklearn_metric("neg_root_mean_squared_error", name="rmse")
    assert error.name == "rmse"
    assert error(bits, chances) == pytest.approx(-reference.root_mean_squared_error(bits, chances), rel=1e-12)
    with pytest.raises(ConfigError, match="nonsense"):
        sklearn_metric("nonsense")


def test_functions_are_the_values_of_samples():
    np.testing.assert_allclose(metrics.binary_accuracy(BITS, CHANCES), (CHANCES > 0.5) == BITS)
    assert metrics.mean_squared_error([1, 2], [1, 4]) == 2.0
    np.testing.assert_array_equal(losses.mean_absolute_error([[1, 2], [3, 4]], [[1, 4], [3, 3]]), [1.0, 0.5])
    np.testing.assert_array_equal(
        metrics.sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]], k=1), [0, 1]
    )
    np.testing.assert_array_equal(metrics.categorical_accuracy(np.eye(2), np.eye(2)), [1, 1])
    assert losses.binary_crossentropy([[1.0]], [[0.0]], True) == pytest.approx(np.log(2))


def test_functions_are_logged_in_snake_case():
    assert metrics.MeanMetricWrapper(lambda y_true, y_pred: y_pred).name == "mean_metric_wrapper"
    assert Metric.get(lambda y_true, y_pred: y_pred).name == "lambda"

    def MeanGap(y_true, y_pred):
        return y_true - y_pred

    assert Metric.get(MeanGap).name == "mean_gap"
    assert [Metric.get(losses.Huber(name=name)).name for name in (None, "mine")] == ["huber_loss", "mine"]


def test_short_names_and_keras_configs():
    assert metrics.get(None) is None
    assert (metrics.get("msle").name, Metric.get("msle").name) == ("mean_squared_logarithmic_error", "msle")
    assert metrics.get({"class_name": "AUC", "config": {"curve": "PR"}}).curve == "PR"
    assert metrics.get(far) is far and Metric.get(far).name == "far"
    assert losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta == 2.0
    assert losses.deserialize(losses.serialize(losses.LogCosh())).to_spec() == losses.LogCosh().to_spec()


def test_the_form_of_keras_is_read_wherever_a_class_is_named():
    assert Metric.get({"class_name": "AUC", "config": None}).to_spec() == Metric.get({"class_name": "AUC"}).to_spec()
    with pytest.raises(ConfigError, match=r"unknown metric \['AUC'\]"):
        Metric.get({"class_name": ["AUC"], "config": {}})


def test_the_thresholds_in_use_are_told():
    assert metrics.Precision().thresholds == [0.5] and metrics.TruePositives(0.25).thresholds == [0.25]
    assert metrics.Recall([0.9, 0.1]).thresholds == [0.9, 0.1]
    assert metrics.Recall(top_k=2).thresholds == [-1e10]
    area = metrics.AUC(num_thresholds=3)
    np.testing.assert_allclose(area.thresholds, [0, 0.5, 1], atol=1e-6)
    assert area.get_config()["thresholds"] is None and metrics.Precision().get_config()["thresholds"] is None
    assert metrics.AUC.from_config(metrics.AUC(thresholds=[0.3]).get_config()).thresholds[1] == 0.3


def test_gains_of_precision_and_recall_are_those_of_the_formula():
    y_true, y_pred = [0, 0, 1, 1, 0, 1], [0.1, 0.6, 0.35, 0.8, 0.2, 0.9]
    gains = []
    for threshold in (0.0, 0.25, 0.5, 0.75, 1.0):
        chosen = np.asarray(y_pred) > threshold
        true = (chosen & (np.asarray(y_true) == 1)).sum()
        share = 0.5  # of positives
        recall, precision = true / 3, true / max(chosen.sum(), 1)
        gain = [
            (rate - share) / ((1 - share) * rate) if rate else place for place, rate in ((0, recall), (1, precision))
        ]
        gains.append([max(gain[0], 0), gain[1]])
    x, y = np.transpose(gains)
    expected = ((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2).sum()
    assert AUC(thresholds=[0.25, 0.5, 0.75], curve="PRGAIN")(y_true, y_pred) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("function", [metrics.pearson_correlation, metrics.concordance_correlation])
def test_correlations_are_in_the_type_of_what_they_compare(function):
    true, predicted = np.array([[1.0, 2.0, 4.0]]), np.array([[1.5, 2.5, 3.0]])
    exact = function(true, predicted)
    single = function(true.astype(np.float32), predicted.astype(np.float32))
    assert (exact.dtype, single.dtype) == (np.float64, np.float32) and single == pytest.approx(exact, abs=1e-6)
