"""Functions as layers: what they may compute, and when they can be saved."""

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite.errors import ConfigError
from nnlite.layers import Dense, Input, Lambda, Layer
from nnlite.models import Sequential, load_model
from nnlite.registry import NamedFunction, register_function

pytestmark = pytest.mark.usefixtures("double_precision")


@register_function
def control_test_shifted(inputs, by=1.0):
    return inputs + by


INPUTS = np.random.default_rng(0).normal(size=(4, 3))


def test_any_function_makes_a_layer_with_a_derivative():
    layer = Lambda(lambda inputs: np.exp(inputs) * inputs)
    assert relative_error(layer.forward(INPUTS), np.exp(INPUTS) * INPUTS) <= EXACT
    assert relative_error(layer.backward(1), np.exp(INPUTS) * (1 + INPUTS)) <= EXACT


def test_a_registered_function_is_saved_by_name(tmp_path):
    layers = [Input((3,)), Lambda(control_test_shifted, arguments={"by": 2.5}), Dense(2)]
    model = Sequential(layers, seed=0)
    config = model.layers[0].get_config()
    assert config["function"]["config"] == "control_test_shifted" and config["arguments"] == {"by": 2.5}
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(INPUTS, verbose=0), model.predict(INPUTS, verbose=0))
    assert relative_error(Layer.get({"Lambda": {"function": "control_test_shifted"}})(INPUTS), INPUTS + 1) <= EXACT


def test_an_unregistered_function_trains_but_is_not_saved(tmp_path):
    model = Sequential([Input((3,)), Lambda(lambda inputs: inputs * 2), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(INPUTS, INPUTS[:, :1], epochs=2, verbose=0)
    assert "Lambda" in repr(model)
    with pytest.raises(ConfigError, match=r"<lambda> is not registered .* nnlite\.registry\.register_function"):
        model.save(tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_function_that_leaves_the_record_is_refused():
    with pytest.raises(ConfigError, match="has no derivative"):
        Lambda(lambda inputs: np.asarray(inputs) * 2)(INPUTS)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lambda("control_test_shiftet"), "unknown function 'control_test_shiftet'.*control_test_shifted"),
        (lambda: Lambda(3), "unknown function 3"),
        (lambda: register_function(lambda inputs: inputs), "has no name to be saved by"),
        (lambda: register_function(np.sin, name="control_test_shifted"), "is taken by"),
    ],
)
def test_refused_functions(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_another_name_can_be_given_and_the_same_function_registered_twice():
    named = register_function(name="control_test_halved")(lambda inputs: inputs / 2)
    assert NamedFunction.get("control_test_halved")(4) == 2
    assert NamedFunction(named).to_spec() == "control_test_halved"
    assert register_function(control_test_shifted) is control_test_shifted
