"""Shapes of models for which a number of examples is stated, and further places where Keras decides."""

import copy
import json

import numpy as np
import pytest

from nnlite import Input, KerasTensor, Model, Sequential, load_model, saving
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.layers import Dense, Layer
from nnlite.models import clone_model

ROWS = np.arange(18.0, dtype=np.float32).reshape(6, 3)


class Written(Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.first, self.second = Dense(4), Dense(2)

    def call(self, x):
        return self.second(self.first(x))


class AnyArguments(Model):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)


def graph():
    begin = Input((3,), batch_size=2)
    return Model(begin, Dense(4)(begin))


@pytest.mark.parametrize("make", [graph, lambda: Sequential([Input((3,), batch_size=2), Dense(4)])])
def test_shapes_have_the_batch_of_the_input_and_other_batches_are_taken(make, tmp_path):
    model = make()
    assert (model.input_shape, model.output_shape) == ((2, 3), (2, 4))
    assert model(ROWS).shape == (6, 4)
    model.compile("sgd", "mse")
    model.fit(ROWS, np.ones((6, 4)), verbose=0)
    model.save(tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").input_shape == (2, 3)
    assert copy.deepcopy(model).input_shape == clone_model(model).input_shape == (2, 3)


def test_shapes_of_a_chain_have_the_batch_of_build_and_of_the_first_call():
    told, called, fitted = (Sequential([Dense(4)]) for _ in range(3))
    told.build((2, 3))
    called(ROWS)
    assert (told.output_shape, called.input_shape, called.output_shape) == ((2, 4), (6, 3), (6, 4))
    assert called(ROWS[:2]).shape == (2, 4)
    fitted.build((None, 3))
    fitted(ROWS)
    assert fitted.input_shape == (None, 3)


def test_a_chain_around_a_model_with_a_stated_batch_takes_any():
    assert Sequential([graph(), Dense(1)])(ROWS).shape == (6, 1)


def test_shapes_of_a_model_that_is_not_built():
    model = Written()
    assert model.compute_output_shape((2, 3)) == (2, 2)
    assert model.compute_output_spec(KerasTensor((5, 3))).shape == (5, 2)
    assert not model.built


def test_a_layer_that_comes_after_building_is_named():
    model = Written()
    model(ROWS)
    model.first = Dense(4, name="late")
    with pytest.raises(ConfigError, match=r"late.* is new to it: let the constructor keep it"):
        model(ROWS)


def test_the_first_of_two_layers_of_a_name_is_found():
    model = Written()
    model.first, model.second = Dense(4, name="same"), Dense(2, name="same")
    model(ROWS)
    assert model.get_layer("same") is model.first


@pytest.mark.parametrize("again", ["clone", "model.safetensors", "model.keras"])
def test_graphs_of_classes_that_take_any_arguments_are_made_again(again, tmp_path):
    pytest.importorskip("h5py")
    begin = Input((3,))
    model = AnyArguments(begin, Dense(2)(begin))
    if again != "clone":
        model.save(tmp_path / again)
    twin = clone_model(model) if again == "clone" else load_model(tmp_path / again, {"AnyArguments": AnyArguments})
    assert type(twin) is AnyArguments
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin(ROWS), model(ROWS))


def test_files_hold_numbers_of_numpy_as_numbers(tmp_path):
    class Told(Written):
        def get_config(self):
            return {**super().get_config(), "rate": np.float32(0.5), "count": np.int64(3), "is_on": np.bool_(True)}

        @classmethod
        def from_config(cls, config):
            told.update(config)
            return cls()

    told = {}
    model = Told()
    model(ROWS)
    model.save(tmp_path / "model.safetensors")
    load_model(tmp_path / "model.safetensors", {"Told": Told})
    assert json.dumps([told["rate"], told["count"], told["is_on"]]) == "[0.5, 3, true]"


@pytest.mark.parametrize("default", [None, False, True])
def test_training_that_nobody_tells_is_the_default_of_call(default):
    class Records(Layer):
        def call(self, x, training=default):
            seen.append(training)
            return x

    seen: list = []
    begin = Input((3,))
    for model in (Sequential([Input((3,)), Records()]), Model(begin, Records()(begin))):
        seen.clear()
        model(ROWS)
        model(ROWS, training=True)
        model.predict(ROWS, verbose=0)
        assert seen == [default, True, False]


def test_the_inputs_of_a_graph_are_those_that_were_given():
    first, second = Input((3,), batch_size=2), Input((3,))
    model = Model({"a": first, "b": second}, Dense(1)(first))
    assert model.inputs[0] is first and model.inputs[1] is second
    assert clone_model(Model(second, Dense(1)(second)), first).inputs[0] is first
    assert [spec.shape for spec in model.input_spec] == [(None, 3), (None, 3)]


def test_the_first_data_of_a_class_that_writes_call_are_told_to_build_from_config(tmp_path):
    class Rebuilt(Written):
        def build_from_config(self, config):
            told.append(config["input_shape"])
            super().build_from_config(config)

    told: list = []
    model = Rebuilt()
    model(ROWS)
    assert model.get_build_config() == {"input_shape": (6, 3)}
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors", {"Rebuilt": Rebuilt})
    np.testing.assert_array_equal(again(ROWS[:2]), model(ROWS[:2]))
    assert told


@pytest.mark.parametrize("function", [saving.save_model, saving.save_weights, saving.load_weights])
def test_functions_of_files_want_models(function):
    with pytest.raises(WrongTypeError, match="needs a model, got Dense"):
        function(Dense(2), "model.keras")


@pytest.mark.parametrize("second", [False, True, [Dense]])
def test_custom_objects_of_a_file_are_a_dict(second, tmp_path):
    model = graph()
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(WrongTypeError, match="custom_objects must be a dict"):
        load_model(tmp_path / "model.safetensors", second)
