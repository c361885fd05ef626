"""The variables of metrics: their names, and what assigning them does; types of results."""

import functools

import numpy as np
import pytest

from nnlite import losses, metrics
from nnlite.layers import Layer
from nnlite.metrics import (
    AUC,
    F1Score,
    Mean,
    MeanMetricWrapper,
    MeanSquaredError,
    Metric,
    OneHotIoU,
    OneHotMeanIoU,
    Precision,
    R2Score,
    RecallAtPrecision,
    Sum,
    TruePositives,
)

PAIRS = [[1, 0], [0, 1], [1, 1]], [[0.75, 0.25], [0.25, 0.5], [0.75, 0.5]]


@pytest.mark.parametrize("kind", [MeanSquaredError, F1Score])
def test_a_state_is_carried_over_by_assigning_variables(kind):
    source, target = kind(), kind()
    source(*PAIRS)
    target(*PAIRS)
    target.reset_state()
    for variable, value in zip(target.variables, source.variables, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(target.result(), source.result())
    target.variables[0].assign_add(1)
    np.testing.assert_array_equal(target.variables[0], source.variables[0] + 1)


def test_variables_have_paths_and_are_not_trained():
    class Own(Metric):
        def __init__(self):
            super().__init__(name="own")
            self.seen = self.add_variable((), name="seen")

    named = [*MeanSquaredError(name="error").variables, *Own().variables]
    assert [variable.path for variable in named] == ["error/total", "error/count", "own/seen"]
    assert not any(variable.trainable for variable in named)


def test_an_array_as_a_result_has_the_dtype_of_the_metric():
    assert F1Score()(*PAIRS).dtype == TruePositives([0.1, 0.5])(*PAIRS).dtype == np.float32
    np.testing.assert_allclose(F1Score(dtype="float64")(*PAIRS), [1, 2 / 3], rtol=1e-15)


def test_thresholds_of_one_rate_at_another():
    assert RecallAtPrecision(0.5, num_thresholds=5).thresholds == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_results_by_name_are_numbers_as_single_ones_are():
    class Both(Metric):
        def __init__(self):
            super().__init__(name="both")
            self.seen = self.add_variable((), name="seen")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen.assign_add(len(y_true))

        def result(self):
            return {"seen": self.seen.value, "half": float(self.seen) / 2}

    found = Both()(*PAIRS)
    assert found["seen"] == 3 and found["half"].numpy() == 1.5


def test_assigning_keeps_the_shape_of_a_state():
    metric = RecallAtPrecision(0.5, num_thresholds=5)
    metric([0, 1], [0.2, 0.7])
    counts = metric.variables[0]
    counts.assign(0)
    np.testing.assert_array_equal(metric.variables[0], np.zeros(5))
    with pytest.raises(ValueError, match="broadcast"):
        counts.assign(np.ones(4))
    assert metric.variables[0].shape == (5,)


def test_states_of_several_labels_have_their_shape_from_the_start():
    metric = AUC(multi_label=True, num_labels=2, num_thresholds=5)
    assert [variable.shape for variable in metric.variables] == [(5, 2)] * 4
    metric.update_state(*PAIRS)
    metric.reset_state()
    assert metric.result() == 0 and metric(*PAIRS) == AUC(multi_label=True, num_thresholds=5)(*PAIRS)


def test_variables_without_a_name_are_numbered():
    metric = Sum()
    metric.add_variable((), name="total")
    assert [metric.add_weight((2,)).name, metric.add_weight((2,)).name] == ["variable", "variable_1"]


class CarrierForMetrics(Layer):
    """Its inputs, with a mask."""

    def __init__(self, mask):
        super().__init__()
        self.own_mask, self.supports_masking = np.array(mask), True

    def call(self, inputs):
        return inputs

    def compute_mask(self, inputs, mask=None):
        return self.own_mask


def test_masks_of_data_are_factors_of_weights():
    masked = CarrierForMetrics([True, False])(np.array([[1.0], [2.0]], "float32"))
    assert MeanSquaredError()(np.zeros((2, 1)), masked) == 1.0
    assert Sum()(masked) == 1.0 and Mean()(masked, sample_weight=[2.0, 3.0]) == 1.0
    steps = CarrierForMetrics([[True, False], [True, True]])(np.array([[1.0, 2.0], [3.0, 4.0]], "float32"))
    assert Sum()(steps, sample_weight=[1.0, 2.0]) == 1 + 2 * 3 + 2 * 4


def test_f_scores_list_the_number_of_positives():
    score = F1Score()
    score(*PAIRS)
    names = ["true_positives", "false_positives", "false_negatives", "intermediate_weights"]
    assert [variable.name for variable in score.variables] == names
    np.testing.assert_array_equal(score.variables[3], [2, 2])
    micro = F1Score(average="micro")
    assert micro(*PAIRS) == pytest.approx(2 * 3 / (2 * 3 + 1))
    assert [variable.shape for variable in micro.variables] == [()] * 4


def test_r2_lists_the_sums_of_keras():
    targets, outputs, weights = np.array([[1e3, 1], [1e3 + 2, 5]]), np.array([[1e3, 2], [1e3 + 1, 2]]), [1.0, 3.0]
    score = R2Score(dtype="float64")
    assert [variable.name for variable in score.variables] == ["num_samples"]
    score(targets, outputs, sample_weight=weights)
    assert [variable.name for variable in score.variables] == ["num_samples", "squared_sum", "sum", "residual", "count"]
    sums = [weights @ targets**2, weights @ targets, weights @ (targets - outputs) ** 2]
    for variable, expected in zip(score.variables, [4, *sums, [4, 4]], strict=True):
        np.testing.assert_array_equal(variable, expected)
    score.reset_state()
    assert [variable.tolist() for variable in score.variables] == [0, *[[0, 0]] * 4]


@pytest.mark.parametrize("kind", [R2Score, F1Score, functools.partial(AUC, multi_label=True)])
def test_a_state_without_shape_yet_takes_variables_that_have_one(kind):
    fresh, whole = kind(dtype="float64"), kind(dtype="float64")
    state = fresh.stateless_update_state(fresh.variables, *(part[:2] for part in PAIRS))
    state = fresh.stateless_update_state(state, *(part[2:] for part in PAIRS))
    assert len(state) > len(fresh.variables)
    np.testing.assert_allclose(fresh.stateless_result(state), whole(*PAIRS), rtol=1e-14)


def test_variables_of_users_are_in_the_default_precision():
    class Rows(Metric):
        def __init__(self):
            super().__init__(name="rows", dtype="float16")
            self.rows, self.batches = self.add_variable(name="rows"), self.add_variable((), dtype="int32")

    assert [variable.dtype for variable in Rows().variables] == ["float32", "int32"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_counts_are_not_rounded_to_half_precision(dtype):
    for metric in (Precision(dtype=dtype), AUC(dtype=dtype), R2Score(dtype=dtype)):
        result = metric([[0], [1], [1]], [[0.75], [0.5], [1]])
        assert metric.dtype == dtype and result.dtype == "float32"
        assert {str(variable.dtype) for variable in metric.variables} == {"float32"}


def test_areas_count_the_thresholds_they_are_given():
    area = AUC(thresholds=[0.25, 0.5])
    assert area.num_thresholds == len(area.thresholds) == 4
    assert AUC.from_config(area.get_config()).thresholds == area.thresholds


def test_attributes_of_arrays_are_variables():
    precision = Precision()
    precision([0, 1, 1], [1, 1, 0])
    assert precision.true_positives.numpy().tolist() == [1] and precision.false_positives.path.endswith("positives")
    precision.true_positives.assign([3])
    assert precision.result() == 0.75


def test_curves_and_labels_of_areas():
    assert AUC(curve="pr").curve == "PR" and AUC(curve="pr").get_config()["curve"] == "PR"
    area = AUC(curve="PR")
    assert area([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]) == area.interpolate_pr_auc()
    with pytest.raises(ValueError, match="num_labels"):
        AUC(num_labels=3)
    labels = AUC(multi_label=True, num_thresholds=5)
    assert labels.variables == []
    labels(*PAIRS)
    labels.reset_state()
    assert [variable.shape for variable in labels.variables] == [(5, 2)] * 4


def test_counts_are_an_accumulator():
    counted = TruePositives(thresholds=[0.2, 0.6])
    counted([0, 1, 1], [0.9, 0.5, 0.7])
    assert counted.accumulator.tolist() == [2, 1] and counted.init_thresholds == [0.2, 0.6]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_results_in_half_precision(dtype):
    assert str(Mean(dtype=dtype)([1.0, 2.0]).dtype) == str(F1Score(dtype=dtype)(*PAIRS).dtype) == dtype


def test_a_metric_takes_dtype_and_name_by_position():
    assert (Metric("float64", "mine").dtype, Metric("float64", "mine").name) == ("float64", "mine")
    with pytest.raises(ValueError, match="unknown policy 'bad'"):
        Metric(dtype="bad")


def test_configs_have_the_arguments_of_the_constructor():
    wrapped = MeanMetricWrapper(losses.binary_crossentropy, name="w", label_smoothing=0.1)
    config = wrapped.get_config()
    assert config["label_smoothing"] == 0.1 and config["fn"]["config"] == "binary_crossentropy"
    pair = [[1.0, 0.0]], [[0.7, 0.4]]
    assert MeanMetricWrapper.from_config(config)(*pair) == wrapped(*pair)
    assert "sparse_y_true" not in OneHotIoU(3, [0]).get_config() | OneHotMeanIoU(3).get_config()
    with pytest.raises(TypeError, match="num_classes"):
        metrics.get("OneHotIoU")


def test_results_of_several_outputs_are_plain_arrays():
    metric = metrics.R2Score(class_aggregation=None)
    metric.update_state([[1.0, 2.0], [2.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]])
    assert type(metric.result()) is np.ndarray


def test_what_is_written_into_a_state_by_index_is_seen_by_the_metric():
    precision = metrics.Precision(thresholds=[0.3, 0.6])
    precision.update_state([1, 0, 1], [0.9, 0.5, 0.4])
    kept = precision.get_state()
    precision.true_positives[...] = 3
    precision.true_positives[1:][...] = 5  # a part of it is no copy either
    precision.variables[1][0] = 7  # of the type of the metric, which is written back
    assert precision.true_positives.tolist() == [3, 5] and precision.result().round(6).tolist() == [
        np.float32(0.3),
        1.0,
    ]
    precision.set_state(kept)
    assert precision.true_positives.tolist() == [2, 1] and precision.false_positives.tolist() == [1, 0]


def test_entries_written_by_index_leave_the_others_as_they_are_by_now():
    precision = metrics.Precision(thresholds=[0.3, 0.6])
    precision.true_positives.assign([2**25 + 1, 2**25 + 1])  # no numbers of float32, in which `variables` shows them
    precision.variables[0][0] = 7
    assert precision.true_positives.tolist() == [7, 2**25 + 1]
    held = precision.true_positives
    precision.update_state([1, 1], [0.9, 0.9])
    held[0] = 1
    assert precision.true_positives.tolist() == [1, 2**25 + 3]


class ProductOfPredictions(metrics.Metric):
    """A metric whose variable starts at 1."""

    def __init__(self, name="product"):
        super().__init__(name=name)
        self.product = self.add_variable((2,), initializer="ones")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.product.assign(self.product * y_pred)

    def result(self):
        return self.product.sum()


def test_added_variables_start_from_their_initializer_and_are_reset_to_0():
    metric = ProductOfPredictions()
    assert metric([0.0, 0.0], [2.0, 3.0]) == 5.0
    assert metric.stateless_reset_state()[0].tolist() == [0.0, 0.0]
    metric.reset_state()
    assert metric.product.tolist() == [0.0, 0.0]
