"""The states of generators of random numbers among the variables of layers and models."""

import copy

import numpy as np
import pytest

from nnlite import Sequential, layers, random

DRAWING = [
    layers.Dropout(0.5),
    layers.AlphaDropout(0.5),
    layers.GaussianDropout(0.5),
    layers.GaussianNoise(0.5),
    layers.SpatialDropout1D(0.5),
    layers.Attention(dropout=0.5),
    layers.RandomFlip(),
    layers.LSTM(2),
    layers.GRUCell(2),
]


@pytest.mark.parametrize("layer", DRAWING, ids=lambda layer: type(layer).__name__)
def test_a_layer_that_draws_has_one_state_among_its_variables_and_none_among_its_weights(layer):
    assert [(one.name, one.shape, one.trainable) for one in layer.variables] == [("seed_generator_state", (2,), False)]
    assert [one.name for one in layer.non_trainable_variables] == ["seed_generator_state"]
    assert layer.weights == layer.trainable_variables == []


@pytest.mark.parametrize("layer", [layers.Dropout(0.0), layers.GaussianNoise(0.0), layers.Attention()])
def test_a_layer_that_never_draws_has_none(layer):
    assert layer.variables == []


def test_each_call_in_training_advances_the_state_and_a_state_that_is_set_repeats_the_numbers():
    layer, ones = layers.Dropout(0.5, seed=3), np.ones((4, 9))
    first, second = layer(ones, training=True), layer(ones, training=True)
    layer(ones)
    (state,) = layer.variables
    assert state.numpy().tolist() == [3, 2]
    assert not np.array_equal(first, second)
    state.assign([3, 0])
    assert np.array_equal(layer(ones, training=True), first)


def test_a_copy_draws_what_the_original_would_and_leaves_its_state():
    layer, ones = layers.GaussianNoise(0.5), np.ones((4, 9))
    layer(ones, training=True)
    twin = copy.deepcopy(layer)
    drawn = twin(ones, training=True)
    assert layer.variables[0].numpy()[1] == 1
    assert np.array_equal(layer(ones, training=True), drawn)


def test_a_stateless_call_takes_and_returns_the_state():
    layer, ones = layers.Dropout(0.5), np.ones((4, 9))
    first, (state,) = layer.stateless_call([], [np.array([7, 4])], ones, training=True)
    again, _ = layer.stateless_call([], [np.array([7, 4])], ones, training=True)
    assert state.tolist() == [7, 5]
    assert np.array_equal(first, again)
    assert layer.variables[0].numpy()[1] == 0


def test_a_model_lists_each_state_behind_the_weights_of_its_layer():
    model = Sequential([layers.Input((5, 3)), layers.GRU(2), layers.Dropout(0.5), layers.Dense(1)])
    assert [one.name for one in model.variables] == [
        *("kernel", "recurrent_kernel", "bias", "seed_generator_state", "seed_generator_state", "kernel", "bias")
    ]
    assert len(model.weights) == 5
    assert len(model.non_trainable_variables) == 2


def test_generators_of_a_users_layer_count_too():
    class Noisy(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seeds = random.SeedGenerator(1)

        def call(self, inputs):
            return inputs

    assert [one.numpy().tolist() for one in Noisy().variables] == [[1, 0]]
