"""Chains whose first layer takes several inputs, or whose layers pass several values on."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model
from nnlite.layers import Add, Dense, Layer, Normalization, Rescaling
from nnlite.models import model_from_json
from nnlite.registry.names import custom_object_scope
from nnlite.tree import map_structure

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


class OfNested(Layer):
    def call(self, x):
        return x["a"] - x["b"][0] + x["b"][1]


FORMS = [(Difference, {"a": LEFT, "b": RIGHT}), (OfNested, {"a": LEFT, "b": [RIGHT, LEFT]}), (Add, [LEFT, RIGHT])]


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
    assert model.input_shape == [(None, 3), (None, 3)]
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


@pytest.mark.parametrize(("first", "data"), FORMS)
def test_a_config_tells_the_shapes_in_the_form_of_the_data(first, data):
    model = Sequential([first(), Dense(1)], seed=0)
    expected = model(data)
    with custom_object_scope({first.__name__: first}):
        for twin in (Sequential.from_config(model.get_config()), model_from_json(model.to_json())):
            assert twin.built and twin.input_shape == model.input_shape
            twin.set_weights(model.get_weights())
            np.testing.assert_array_equal(twin(data), expected)


@pytest.mark.parametrize(("first", "data"), FORMS)
@pytest.mark.parametrize("name", ["model.safetensors", "model.keras", "model.h5"])
def test_files_keep_the_form_of_the_data(first, data, name, tmp_path):
    pytest.importorskip("h5py")
    model = Sequential([first(), Dense(1)], seed=0)
    expected = model(data)
    model.save(tmp_path / name)
    np.testing.assert_array_equal(load_model(tmp_path / name, {first.__name__: first})(data), expected)


@pytest.mark.parametrize(("first", "data"), FORMS)
def test_chains_are_called_on_symbols_in_the_form_of_the_data(first, data):
    model = Sequential([first(), Dense(1)], seed=0)
    expected = model(data)
    begins = map_structure(lambda _: Input((3,)), data)
    np.testing.assert_array_equal(Model(begins, model(begins))(data), expected)


@pytest.mark.parametrize(("first", "data"), FORMS)
def test_shapes_of_several_may_state_a_batch_and_any_is_taken(first, data):
    model = Sequential([first(), Dense(1)])
    model.build(map_structure(lambda array: (2, *array.shape[1:]), data))
    assert model(data).shape == (6, 1)


@pytest.mark.parametrize(("first", "data"), FORMS)
def test_layers_behind_several_values_see_the_data(first, data):
    model = Sequential([first(), Normalization()])
    model.adapt(data)
    np.testing.assert_allclose(model(data).mean(axis=0), 0, atol=1e-5)


def test_a_model_that_comes_first_keeps_the_form_of_its_inputs_and_outputs():
    left, right = Input((3,), batch_size=2), Input((3,), batch_size=2)
    by_name = Sequential([Model({"b": right, "a": left}, [left - right, left + right])])
    outputs = by_name({"a": LEFT, "b": RIGHT})
    assert type(outputs) is type(by_name.predict({"a": LEFT, "b": RIGHT}, verbose=0)) is list
    np.testing.assert_array_equal(outputs, [LEFT - RIGHT, LEFT + RIGHT])


def test_a_chain_of_several_inputs_is_exported(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model = Sequential([Add(), Dense(1)], seed=0)
    expected = model([LEFT, RIGHT])
    model.export(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    (outputs,) = session.run(None, {"input_1": LEFT, "input_2": RIGHT})
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
