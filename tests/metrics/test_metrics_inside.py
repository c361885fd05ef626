"""Metrics that have others as attributes, and those of functions of losses."""

import numpy as np
import pytest

from nnlite import losses, metrics
from nnlite.errors import ConfigError, ShapeError


class Spread(metrics.Metric):
    """The largest number less the mean of all."""

    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.mean = metrics.Mean(name="inner")
        self.largest = self.add_variable((), "zeros", name="largest")

    def update_state(self, values, sample_weight=None):
        self.mean.update_state(values, sample_weight)
        self.largest.assign(max(float(self.largest), np.max(values)))

    def result(self):
        return float(self.largest) - self.mean.result()


def test_variables_of_metrics_inside_are_listed():
    metric = Spread()
    assert metric([1.0, 5.0]) == 2.0
    assert [variable.name for variable in metric.variables] == ["largest", "total", "count"]
    assert [variable.item() for variable in metric.variables] == [5, 6, 2]


def test_stateless_steps_reach_metrics_inside():
    metric = Spread()
    later = metric.stateless_update_state(metric.variables, [1.0, 5.0])
    assert [value.item() for value in later] == [5, 6, 2]
    assert metric.stateless_result(later) == 2.0 and metric.result() == 0.0
    assert [value.item() for value in metric.stateless_reset_state()] == [0, 0, 0]


def test_a_wrapper_knows_functions_of_losses_by_name():
    wrapper = metrics.MeanMetricWrapper(losses.mean_squared_error, name="w")
    again = metrics.MeanMetricWrapper.from_config(wrapper.get_config())
    assert again([[1.0, 3.0]], [[0.0, 0.0]]) == wrapper([[1.0, 3.0]], [[0.0, 0.0]]) == 5.0


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.5])
def test_thresholds_of_f_scores_are_probabilities(threshold):
    with pytest.raises(ConfigError, match=r"F1Score.threshold: must be in \(0, 1\]"):
        metrics.F1Score(threshold=threshold)


def test_rows_of_the_ignored_class_have_no_weight():
    predictions = [[0.8, 0.1, 0.1], [0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=0)
    weighted = metric([0, 1, 2], predictions, sample_weight=[0.5, 1.5, 2.0])
    assert weighted == pytest.approx((1.5 * -np.log(0.95) + 2 * -np.log(0.1)) / 3.5)


@pytest.mark.parametrize("kind", [metrics.Precision, metrics.Recall])
def test_a_class_is_one_of_several(kind):
    with pytest.raises(ShapeError, match=r"class_id needs y_pred of shape \(batch, classes\), got \(3,\)"):
        kind(class_id=1)([0, 1, 1], [0.2, 0.1, 0.6])
