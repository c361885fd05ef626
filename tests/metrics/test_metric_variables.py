"""The variables of metrics: their names, and what assigning them does; types of results."""

import numpy as np
import pytest

from nnlite.metrics import AUC, F1Score, MeanSquaredError, Metric, RecallAtPrecision, Sum

PAIRS = [[1, 0], [0, 1], [1, 1]], [[0.75, 0.25], [0.25, 0.5], [0.75, 0.5]]


@pytest.mark.parametrize("kind", [MeanSquaredError, F1Score])
def test_a_state_is_carried_over_by_assigning_variables(kind):
    source, target = kind(), kind()
    source(*PAIRS)
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


def test_an_array_as_a_result_keeps_the_precision_of_the_state():
    np.testing.assert_allclose(F1Score()(*PAIRS), [1, 2 / 3], rtol=1e-15)


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
