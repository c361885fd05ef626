"""Identity on nested inputs, and Normalization with moments that are given."""

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential
from nnlite.layers import GRU, LSTM, Bidirectional, Dense, GroupQueryAttention, Identity, Normalization

X = np.arange(12.0, dtype=np.float32).reshape(4, 3)


def test_identity_of_nested_arrays():
    layer, other = Identity(), np.ones((2, 5), np.float32)
    nested = layer({"a": X, "b": [other, (X, other)]})
    assert nested["a"] is not X and isinstance(nested["b"][1], tuple)
    np.testing.assert_array_equal(nested["b"][1][0], X)
    first, second = layer([X, other])
    assert first.shape == (4, 3) and second.shape == (2, 5) and not layer.weights
    assert Identity()([[1.0, 2.0], [3.0, 4.0]]).shape == (2, 2)  # rows of one array


@pytest.mark.parametrize("shape", [[(None, 3), (None, 2)], {"a": (None, 3), "b": [(None, 2)]}, (None, 3)])
def test_identity_is_built_for_nested_shapes(shape):
    layer = Identity()
    layer.build(shape)
    assert layer.built and layer.compute_output_shape(shape) == shape


def test_identity_of_symbols():
    one, two = Input((3,)), Input((2,))
    model = Model([one, two], Identity()([one, two]))
    outputs = model([X, X[:, :2]])
    np.testing.assert_array_equal(outputs[0], X)
    np.testing.assert_array_equal(outputs[1], X[:, :2])


def test_given_moments_are_no_weights(tmp_path):
    model = Sequential([Input((3,)), Normalization(mean=[0, 1, 2], variance=[4, 4, 4]), Dense(1)], seed=0)
    layer = model.layers[0]
    assert not layer.weights and layer.count_params() == 0 and len(model.weights) == 2 and model.count_params() == 4
    np.testing.assert_allclose(layer(X), (X - [0, 1, 2]) / 2)
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(nnlite.load_model(tmp_path / "model.safetensors")(X), model(X))
    again = Normalization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(X), layer(X))
    found = Normalization()
    found.adapt(X)
    assert [weight.name for weight in found.weights] == ["mean", "variance", "count"]


def test_both_layers_of_a_bidirectional_can_be_asked_for():
    layer = Bidirectional(LSTM(2, return_sequences=True))
    assert layer.backward_layer.go_backwards and not layer.forward_layer.go_backwards
    assert layer.to_spec()["Bidirectional"]["backward_layer"] is None  # it is made again
    assert layer.return_sequences and not layer.return_state and not layer.stateful
    given = GRU(2, go_backwards=True, name="given")
    assert Bidirectional(GRU(2), backward_layer=given).backward_layer is given
    again = Bidirectional.from_config(Bidirectional(GRU(2), backward_layer=given).get_config())
    assert again.backward_layer.name == "given" and again.backward_layer.go_backwards


def test_the_name_of_grouped_queries():
    assert GroupQueryAttention(2, 2, 1).name.startswith("grouped_query_attention")
