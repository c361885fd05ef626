"""Chains whose first layer takes several inputs, or whose layers pass several values on."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model
from nnlite.layers import Add, Dense, Layer, Rescaling
from nnlite.registry.names import custom_object_scope

LEFT, RIGHT = np.arange(18.0, dtype=np.float32).reshape(6, 3) / 9, np.ones((6, 3), np.float32)


class Twice(Layer):
    def call(self, x):
        return [x, 2 * x]


class ByLetters(Layer):
    def call(self, x):
        return {"b": x, "a": 2 * x}


class Difference(Layer):
    def call(self, x):
        return x["a"] - x["b"]


@pytest.mark.parametrize("inner", [(Twice, Add), (ByLetters, Difference)])
def test_values_between_layers_are_trained_through(inner):
    model = Sequential([Input((3,)), Dense(3), *(made() for made in inner), Dense(1)], seed=0)
    factor = 3 if inner[0] is Twice else 1
    begin = Input((3,))
    graph = Model(begin, Dense(1)(Rescaling(factor)(Dense(3)(begin))))
    graph.set_weights(model.get_weights())
    np.testing.assert_allclose(model(LEFT), graph(LEFT), rtol=1e-5)
    for one in (model, graph):
        one.compile("sgd", "mse")
        one.fit(LEFT, LEFT[:, :1], shuffle=False, verbose=0)
    for weight, expected in zip(model.get_weights(), graph.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_a_list_goes_to_a_first_layer_that_takes_several():
    model = Sequential([Add(), Dense(2)], seed=0)
    np.testing.assert_allclose(model([LEFT, RIGHT]), model.layers[1](LEFT + RIGHT), rtol=1e-6)
    assert model.input_shape == ((None, 3), (None, 3))
    assert [symbol.shape for symbol in model.inputs] == [(None, 3), (None, 3)]


def test_rows_in_a_list_stay_one_input_of_other_layers():
    assert Sequential([Dense(2)])([LEFT[0], LEFT[1]]).shape == (2, 2)


@pytest.mark.parametrize("name", ["model.safetensors", "model.keras"])
def test_a_dict_goes_to_a_first_layer_by_its_keys_also_from_a_file(tmp_path, name):
    pytest.importorskip("h5py")
    model = Sequential([Difference(), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit({"a": LEFT, "b": RIGHT}, LEFT[:, :1], verbose=0)
    expected = model.layers[1](LEFT - RIGHT)
    np.testing.assert_allclose(model({"b": RIGHT, "a": LEFT}), expected, rtol=1e-5)
    model.save(tmp_path / name)
    with custom_object_scope({"Difference": Difference}):
        again = load_model(tmp_path / name)
    np.testing.assert_allclose(again({"b": RIGHT, "a": LEFT}), expected, rtol=1e-5)


def test_the_structure_of_the_last_layer_is_that_of_the_outputs():
    outputs = Sequential([Input((3,)), ByLetters()])(LEFT)
    assert list(outputs) == ["b", "a"]
    np.testing.assert_array_equal(outputs["a"], 2 * LEFT)


def test_a_chain_is_built_for_several_shapes():
    model = Sequential([Difference(), Dense(1)])
    model.build({"a": (None, 3), "b": (None, 3)})
    assert model.count_params() == 4
    again = Sequential.from_config(Sequential([Add(), Dense(1)]).get_config())
    again.build([(None, 3), (None, 3)])
    assert again.count_params() == 4
