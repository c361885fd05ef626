"""Weights in Keras's order, and metrics that layers keep."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, layers, metrics


class TwoNorms(Model):
    def __init__(self):
        super().__init__()
        self.first = layers.BatchNormalization()
        self.rest = [layers.Dense(3), layers.BatchNormalization()]

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.rest:
            x = layer(x)
        return x


def test_weights_of_layers_inside_follow_one_another():
    model = TwoNorms()
    model.build((None, 2))
    moments = ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [weight.name for weight in model.weights] == [*moments, "kernel", "bias", *moments]
    values = [np.full(weight.shape, float(place)) for place, weight in enumerate(model.weights)]
    model.set_weights(values)
    assert model.rest[0].bias.value[0] == 5 and model.rest[1].weights[0].value[0] == 6
    assert len(model.trainable_weights) == 6 and len(model.non_trainable_weights) == 4


class CountingCalls(layers.Layer):
    def __init__(self):
        super().__init__()
        self.seen = [metrics.Sum(name="seen"), [metrics.Mean(name="height")]]

    def call(self, inputs):
        self.seen[0].update_state(inputs)
        self.seen[1][0].update_state(inputs)
        return inputs


@pytest.mark.parametrize("build_first", [False, True])
def test_metrics_count_no_trial_runs(build_first):
    layer = CountingCalls()
    if build_first:
        layer.build((None, 2))
    layer.compute_output_shape((None, 2))
    layer(np.ones((3, 2)))
    layer(np.ones((1, 2)))
    assert layer.seen[0].result() == 8 and layer.seen[1][0].result() == 1


def test_metrics_in_lists_of_layers_are_those_of_the_model_and_are_logged():
    model = Sequential([Input((2,)), CountingCalls(), layers.Dense(1)], seed=0)
    assert [metric.name for metric in model.metrics] == ["seen", "height"]
    model.compile("sgd", "mse")
    logs = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history
    assert logs["seen"] == [8] and logs["height"] == [1]
    assert [metric.name for metric in model.metrics] == ["loss", "seen", "height"]
    model.reset_metrics()
    assert model.metrics[1].result() == 0


def test_metrics_in_nested_lists_of_a_model():
    class OfTrackers(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)
            self.trackers = [metrics.Mean(name="a"), {"deep": [metrics.Mean(name="b")]}]

        def call(self, inputs):
            return self.dense(inputs)

    assert [metric.name for metric in OfTrackers().metrics] == ["a", "b"]


def test_metrics_are_logged_under_the_names_they_were_asked_for():
    model = Sequential([Input((2,)), layers.Dense(1, "sigmoid")], seed=0)
    model.compile("sgd", "binary_crossentropy", metrics=["AUC", "Precision", "recall", "mse", metrics.AUC()])
    logs = model.fit(np.ones((4, 2)), np.array([0, 1, 0, 1]), verbose=0).history
    assert list(logs) == ["AUC", "Precision", "auc", "loss", "mse", "recall"]
