"""The attribute `activation` as programs read it."""

import pytest

from nnlite import activations, layers


@pytest.mark.parametrize("layer", [layers.Dense(2), layers.Conv1D(2, 3), layers.LSTM(2, activation=None)])
def test_no_activation_is_the_linear_function(layer):
    assert layer.activation.__name__ == "linear" and layer.activation == activations.linear
    assert layer.get_config()["activation"] == "linear" and layer.to_spec()[type(layer).__name__]["activation"] is None


def test_functions_are_equal_to_the_activations_that_they_name():
    layer = layers.Dense(2, "softmax")
    assert layer.activation == activations.softmax and layer.activation != activations.relu
    layer.activation = None
    assert layer.activation == activations.linear
    assert layers.ReLU(max_value=1.0).activation != activations.relu


def test_a_users_class_keeps_what_it_assigns():
    class Plain(layers.Layer):
        activation: str | None = None

    assert Plain().activation is None and not hasattr(layers.Dropout(0.1), "activation")
