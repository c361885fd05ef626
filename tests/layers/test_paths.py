"""Paths of layers and parameters: the names of all layers inside which one was built."""

import copy
import pickle

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, layers


def paths(layer):
    return [parameter.path for parameter in layer.weights]


def test_a_chain_is_in_the_paths_of_what_it_builds():
    model = Sequential([Input((3,)), layers.Dense(4, name="d1"), layers.Dense(2, name="d2")], name="net")
    assert paths(model) == ["net/d1/kernel", "net/d1/bias", "net/d2/kernel", "net/d2/bias"]
    assert [layer.path for layer in model.layers] == ["net/d1", "net/d2"] and model.path == "net"
    model.name = "other"
    assert paths(model)[0] == "other/d1/kernel"


def test_a_graph_and_a_layer_built_before_keep_their_own_paths():
    symbol = Input((3,))
    graph = Model(symbol, layers.Dense(2, name="h")(symbol), name="graph")
    assert paths(graph) == ["h/kernel", "h/bias"]
    outer = Sequential([Input((3,)), graph, layers.Dense(1, name="end")], name="outer")
    assert paths(outer) == ["h/kernel", "h/bias", "outer/end/kernel", "outer/end/bias"]


@pytest.mark.parametrize(
    "layer, expected",
    [
        (layers.LSTM(2, name="l"), "l/lstm_cell/kernel"),
        (layers.GRU(2, name="l"), "l/gru_cell/kernel"),
        (layers.SimpleRNN(2, name="l"), "l/simple_rnn_cell/kernel"),
        (layers.RNN(layers.LSTMCell(2, name="c"), name="r"), "r/c/kernel"),
        (layers.Bidirectional(layers.LSTM(2, name="l"), name="b"), "b/forward_l/lstm_cell/kernel"),
        (layers.TimeDistributed(layers.Dense(2, name="d"), name="t"), "t/d/kernel"),
        (layers.MultiHeadAttention(2, 2, name="m"), "m/query/kernel"),
    ],
)
def test_layers_inside_layers(layer, expected):
    layer(np.ones((2, 3, 4)))
    assert paths(layer)[0] == expected


def test_both_directions_and_the_last_projection_have_names_of_their_own():
    both = layers.Bidirectional(layers.LSTM(2, name="l"), name="b")
    both(np.ones((2, 3, 4)))
    assert paths(both)[3] == "b/backward_l/lstm_cell/kernel"
    attention = layers.MultiHeadAttention(2, 2, name="m")
    attention(np.ones((2, 3, 4)))
    assert paths(attention)[-1] == "m/attention_output/bias"


class InsideOut(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(3, name="inner")

    def build(self, input_shape):
        self.factor = self.add_weight((3,), "ones", name="factor")

    def call(self, inputs):
        return self.inner(inputs) * self.factor


def test_layers_of_users_and_new_names():
    nested = InsideOut(name="mine")
    Sequential([Input((2,)), nested], name="net")
    assert paths(nested) == ["net/mine/factor", "net/mine/inner/kernel", "net/mine/inner/bias"]
    nested.name = "renamed"
    assert paths(nested)[1] == "net/renamed/inner/kernel"


def test_a_copy_keeps_the_path_and_not_the_model_around_it():
    inner = layers.Dense(2, name="inner")
    Sequential([Input((2,)), inner, layers.Dense(1000, name="large")], name="net")
    for twin in (copy.deepcopy(inner), pickle.loads(pickle.dumps(inner))):
        assert paths(twin) == ["net/inner/kernel", "net/inner/bias"]
        twin.name = "twin"
        assert paths(twin) == ["twin/kernel", "twin/bias"]
    assert len(pickle.dumps(inner)) < 4000


def test_a_copy_of_attention_keeps_its_projections_in_the_paths():
    attention = layers.MultiHeadAttention(2, 3, name="attention")
    attention(np.zeros((1, 3, 4)), np.zeros((1, 3, 4)))
    assert paths(attention)[:2] == ["attention/query/kernel", "attention/query/bias"]
    for twin in (copy.deepcopy(attention), pickle.loads(pickle.dumps(attention))):
        assert paths(twin) == paths(attention)
