"""All variables of a model as nested dicts."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import BatchNormalization, Dense


def trained(seed):
    model = Sequential([Input((2,)), Dense(1), BatchNormalization()], seed=seed, name="net")
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.arange(8.0).reshape(4, 2), np.arange(4.0), verbose=0)
    return model


def test_a_state_is_taken_over_by_paths():
    model, other = trained(0), trained(1)
    state = model.get_state_tree()
    assert {name: [*inner] for name, inner in state.items()} == {
        "trainable_variables": ["net"],
        "non_trainable_variables": ["net"],
        "optimizer_variables": ["adam"],
        "metrics_variables": [*state["metrics_variables"]],
    }
    np.testing.assert_array_equal(state["trainable_variables"]["net"]["dense"]["kernel"], model.get_weights()[0])
    other.set_state_tree(state)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert str(other.get_state_tree()) == str(state) and other.optimizer.iterations == 1
    assert model.get_metrics_result() == other.get_metrics_result()


def test_states_of_other_models():
    model = trained(0)
    with pytest.raises(ConfigError, match="the trainable_variables of net have no path 'net/dense/other'"):
        model.set_state_tree({"trainable_variables": {"net": {"dense": {"other": 1.0}}}})
    with pytest.raises(ShapeError, match="has the shape"):
        model.set_state_tree({"trainable_variables": {"net": {"dense": {"kernel": np.ones(3)}}}})
    with pytest.raises(ConfigError, match="a model has the groups trainable_variables"):
        model.set_state_tree({"weights": {}})
    with pytest.raises(ConfigError, match="value_format must be"):
        model.get_state_tree("numpy")


class Twins(Model):
    """Two layers of one name."""

    def __init__(self):
        super().__init__(name="net")
        self.first, self.second = Dense(1, name="twin"), Dense(1, name="twin")

    def call(self, inputs):
        return self.first(inputs) + self.second(inputs)


def test_variables_of_one_path_are_refused():
    model = Twins()
    model(np.ones((1, 2)))
    with pytest.raises(ConfigError, match="two of the trainable_variables have the path 'net/twin/kernel'"):
        model.get_state_tree()


def test_layers_of_models_inside_that_no_user_named_are_told_apart_by_numbers():
    first, second = Input((4,)), Input((2,))
    encoder, decoder = Model(first, Dense(2)(first)), Model(second, Dense(4)(second))
    model = Model(first, decoder(encoder(first)))
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 4)), verbose=0)
    state = model.get_state_tree()
    assert {name: sorted(part) for name, part in state["trainable_variables"].items()} == {
        "dense": ["bias", "kernel"],
        "dense_1": ["bias", "kernel"],
    }
    assert sum(name.startswith("dense_kernel_momentum") for name in state["optimizer_variables"]["adam"]) == 2
    state["trainable_variables"]["dense_1"]["bias"][:] = 7
    model.set_state_tree(state)
    assert decoder.layers[-1].bias.numpy().tolist() == 4 * [7.0] and (encoder.layers[-1].bias.numpy() < 7).all()
    config = model.get_config()  # in Keras's form, though both models begin with one `Input`
    assert [layer["class_name"] for layer in config["layers"]] == ["InputLayer", "Functional", "Functional"]
    assert Model.from_config(config).count_params() == model.count_params()
