"""The optimizer's memory in `.weights.h5` files, which Keras writes and reads with the weights."""

import numpy as np
import pytest

from nnlite import Input, Sequential, optimizers
from nnlite.errors import ModelFileError, TrainingWarning
from nnlite.layers import Dense
from nnlite.schedules import ExponentialDecay

h5py = pytest.importorskip("h5py")

X = np.sin(np.arange(48.0)).reshape(12, 4)
Y = X.sum(-1, keepdims=True)
OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9),
    "Adam": lambda: optimizers.Adam(0.01),
    "schedule": lambda: optimizers.RMSprop(ExponentialDecay(0.01, 2, 0.5)),
}


class WithStep(Sequential):
    """A model with a step of its own."""

    def train_step(self, data):
        return super().train_step(data)


def model_of(optimizer, seed=0, kind=Sequential):
    model = kind([Input((4,)), Dense(3, "tanh"), Dense(1)], seed=seed)
    model.compile(optimizer, "mse")
    return model


def trained(model, epochs):
    return model.fit(X, Y, epochs=epochs, batch_size=4, shuffle=False, verbose=0).history["loss"]


@pytest.fixture(params=OPTIMIZERS)
def make(request):
    return OPTIMIZERS[request.param]


def test_training_goes_on_as_if_it_had_not_stopped(make, tmp_path):
    first, second = model_of(make()), model_of(make(), seed=1)
    trained(first, 2)
    first.save_weights(tmp_path / "a.weights.h5")
    trained(second, 1)
    second.load_weights(tmp_path / "a.weights.h5")
    assert second.optimizer.iterations == 6
    assert trained(second, 3) == pytest.approx(trained(first, 3), rel=1e-6)


def test_an_optimizer_before_its_first_step_has_no_slots_to_fill(tmp_path):
    first, second = (model_of(optimizers.Adam(0.01), seed) for seed in (0, 1))
    trained(first, 2)
    first.save_weights(tmp_path / "a.weights.h5")
    with pytest.warns(TrainingWarning, match="no slots before its first step"):
        second.load_weights(tmp_path / "a.weights.h5")
    assert second.optimizer.iterations == 0
    np.testing.assert_array_equal(second.get_weights()[0], first.get_weights()[0])


def test_the_learning_rate_is_that_of_the_file(tmp_path):
    first = model_of(optimizers.SGD(0.3))
    trained(first, 1)
    first.save_weights(tmp_path / "a.weights.h5")
    for optimizer in (optimizers.SGD(0.1), optimizers.Adam(0.1)):  # which has no slots yet, nor has the file
        second = model_of(optimizer)
        second.load_weights(tmp_path / "a.weights.h5")
        assert (optimizer.learning_rate, optimizer.iterations) == (0.3, 3)
        assert np.isfinite(trained(second, 1)).all()


def test_another_optimizer_and_a_model_without_one_take_the_weights_alone(tmp_path):
    first = model_of(optimizers.Adam(0.01))
    trained(first, 1)
    first.save_weights(tmp_path / "a.weights.h5")
    for kind, text in ((Sequential, "SGD keeps 6 arrays"), (WithStep, "sgd has 6 variables")):
        other = model_of(optimizers.SGD(0.1, momentum=0.9), kind=kind)
        trained(other, 2)
        with pytest.warns(TrainingWarning, match=f"{text}.*, the file has 10"):
            other.load_weights(tmp_path / "a.weights.h5")
        np.testing.assert_array_equal(other.get_weights()[0], first.get_weights()[0])
        assert (other.optimizer.iterations, other.optimizer.learning_rate) == (6, 0.1)
    bare = Sequential([Input((4,)), Dense(3, "tanh"), Dense(1)])
    bare.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(bare.get_weights()[0], first.get_weights()[0])


def test_as_many_variables_of_another_meaning_are_not_taken(tmp_path):
    def one_weight(optimizer, seed):
        model = Sequential([Input((4,)), Dense(1, use_bias=False)], seed=seed)
        model.compile(optimizer, "mse")
        trained(model, 1)
        return model

    first = one_weight(optimizers.SGD(ExponentialDecay(0.01, 2, 0.5), momentum=0.9), 0)
    second = one_weight(optimizers.SGD(0.1), 1)
    first.save_weights(tmp_path / "a.weights.h5")
    with pytest.warns(TrainingWarning, match="SGD keeps the steps and the learning rate first"):
        second.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(second.get_weights()[0], first.get_weights()[0])
    assert second.optimizer.learning_rate == 0.1


def test_a_learning_rate_beside_slots_that_do_not_fit_is_not_taken(tmp_path):
    first, second = model_of(optimizers.Adam(0.5)), Sequential([Input((4,)), Dense(3), Dense(2)])
    trained(first, 1)
    second.compile(optimizers.Adam(0.1), "mse")
    second.fit(X, np.hstack([Y, Y]), verbose=0)
    first.save_weights(tmp_path / "a.weights.h5")
    with (
        pytest.warns(TrainingWarning, match="momentum of .* has the shape"),
        pytest.warns(UserWarning, match="left out"),
    ):
        second.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    assert (second.optimizer.learning_rate, second.optimizer.iterations) == (0.1, 1)


def test_a_file_whose_memory_cannot_be_read_changes_nothing(tmp_path):
    first, second = model_of(optimizers.Adam(0.01)), model_of(optimizers.Adam(0.01), seed=1)
    trained(first, 1)
    first.save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5", "a") as file:
        file["optimizer/vars/first"] = np.zeros(2)
    before = second.get_weights()
    with pytest.raises(ModelFileError, match="cannot be read"):
        second.load_weights(tmp_path / "a.weights.h5")
    for kept, value in zip(before, second.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, value)


def test_keras_continues_and_is_continued(tmp_path):
    keras = pytest.importorskip("keras")

    def in_keras():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.01), "mse")
        return model

    ours, theirs, again = model_of(optimizers.Adam(0.01)), in_keras(), model_of(optimizers.Adam(0.01), seed=1)
    for model in (ours, theirs, again):
        trained(model, 1)
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(str(tmp_path / "ours.weights.h5"))
    theirs.save_weights(str(tmp_path / "theirs.weights.h5"))
    again.load_weights(tmp_path / "theirs.weights.h5")
    expected = trained(ours, 2)
    assert trained(theirs, 2) == pytest.approx(expected, rel=1e-5)
    assert trained(again, 2) == pytest.approx(expected, rel=1e-5)
