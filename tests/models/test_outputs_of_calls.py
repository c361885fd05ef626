"""Models of several outputs, and models with layers that `call` leaves out, are saved, nested, predicted and logged."""

import sys
from unittest.mock import MagicMock

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model
from nnlite.callbacks import MLflowLogger
from nnlite.layers import Add, Dense

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


class TwoOutputs(Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = Dense(1), Dense(1)

    def call(self, inputs):
        return self.first(inputs), self.second(inputs)


class ListOfOutputs(TwoOutputs):
    def call(self, inputs):
        return list(super().call(inputs))


@pytest.mark.parametrize(("model", "kind"), [(TwoOutputs, tuple), (ListOfOutputs, list)])
def test_several_outputs_are_a_list_where_call_returns_one(model, kind):
    model = model()
    for outputs in (model.predict(X, verbose=0), model.predict_on_batch(X), model(X), model(Input((3,)))):
        assert type(outputs) is kind


class OneOfTwoLayers(Model):
    def __init__(self):
        super().__init__()
        self.used, self.unused = Dense(1), Dense(1)

    def call(self, inputs):
        return self.used(inputs)


def test_a_compiled_model_of_several_outputs_is_loaded_again(tmp_path):
    model = TwoOutputs()
    model.build((None, 3))
    model.compile("adam", ["mse", "mse"])
    model.fit(X, [X[:, :1], X[:, 1:2]], epochs=1, verbose=0)
    model.save(tmp_path / "model.safetensors")
    again = nnlite.load_model(tmp_path / "model.safetensors")
    for ours, theirs in zip(model.predict(X, verbose=0), again.predict(X, verbose=0), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(TwoOutputs().predict(X, verbose=0)) == 2


def test_a_layer_that_call_leaves_out_stops_no_training():
    model = OneOfTwoLayers()
    model.compile("adam", "mse")
    assert len(model.fit(X, X[:, :1], epochs=2, verbose=0).history["loss"]) == 2


def test_reading_a_file_makes_no_trainer(tmp_path):
    model = OneOfTwoLayers()
    model.build((None, 3))
    model.save(tmp_path / "model.safetensors")
    assert "trainer" not in vars(nnlite.load_model(tmp_path / "model.safetensors"))


def named_outputs():
    inputs = Input((3,))
    return Model(inputs, {"b": Dense(1)(inputs), "a": Dense(1)(inputs)}, seed=0)


def test_a_model_of_named_outputs_inside_another_is_loaded_again(tmp_path):
    inputs = Input((3,))
    outputs = named_outputs()(inputs)
    model = Model(inputs, Add()([outputs["a"], outputs["b"]]), seed=0)
    model.save(tmp_path / "model.safetensors")
    again = nnlite.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_predictor_returns_outputs_as_predict_does():
    model = named_outputs()
    expected, outputs = model.predict(X, verbose=0), model.compile_predict()(X)
    assert list(outputs) == list(expected) == ["a", "b"]
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, rtol=1e-6)


def test_trackers_log_the_losses_of_several_outputs(monkeypatch):
    library = MagicMock()
    monkeypatch.setitem(sys.modules, "mlflow", library)
    model = named_outputs()
    model.compile("adam", {"a": "mse"})
    model.fit(X, {"a": X[:, 0]}, epochs=1, verbose=0, callbacks=[MLflowLogger()])
    assert library.log_params.call_args.args[0]["loss"] == "{'a': 'mse'}"


@pytest.mark.parametrize("make", [np.matrix, lambda x: np.ma.masked_array(x, x > 9)])
def test_subclasses_of_arrays_are_predicted_as_arrays(make):
    model = nnlite.Sequential([Dense(8, "relu"), Dense(2)], seed=0)
    model.build((None, 3))
    outputs = model.predict(make(X[:8]), verbose=0)
    assert type(outputs) is np.ndarray
    np.testing.assert_array_equal(outputs, model.predict(X[:8], verbose=0))
