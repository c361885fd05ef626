"""Several optimizers as one."""

import numpy as np
import pytest

from nnlite import Input, Sequential, Variable, load_model
from nnlite.errors import ConfigError, WrongTypeError
from nnlite.layers import Dense, Embedding, Flatten
from nnlite.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap, deserialize, serialize
from nnlite.schedules import ExponentialDecay

X = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
Y = X @ np.array([[1.0], [2.0]], np.float32)


def model_with(optimizer):
    layers = [Input((2,)), Dense(3, name="encoder"), Dense(1, name="head")]
    model = Sequential(layers, seed=0, name="net")
    model.compile(optimizer, "mse")
    return model


def losses(model, epochs=3):
    return model.fit(X, Y, epochs=epochs, batch_size=8, shuffle=False, verbose=0).history["loss"]


def mapped():
    return MultiOptimizer(OptimizerMap(SGD(0.1, momentum=0.9), {"net/encoder/.*": Adam(0.02, clipnorm=0.5)}))


def test_one_optimizer_for_all_is_that_optimizer():
    inner = Adam(ExponentialDecay(0.02, 3, 0.5), weight_decay=0.1, use_ema=True, ema_momentum=0.5)
    plain = Adam(ExponentialDecay(0.02, 3, 0.5), weight_decay=0.1, use_ema=True, ema_momentum=0.5)
    several, single = model_with(MultiOptimizer(lambda variable: inner)), model_with(plain)
    assert losses(several) == losses(single)
    for weight, other in zip(several.get_weights(), single.get_weights(), strict=True):
        assert np.array_equal(weight, other)


def test_each_variable_is_updated_by_its_optimizer():
    model = model_with(MultiOptimizer(OptimizerMap(SGD(0.0), {".*kernel": SGD(0.1)})))
    before = model.get_weights()
    losses(model)
    changed = [not np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True)]
    assert changed == [True, False, True, False]
    assert [optimizer.learning_rate for optimizer in model.optimizer.optimizers] == [0.1, 0.0]


@pytest.mark.parametrize("suffix", ["safetensors", "keras"])
def test_a_saved_model_goes_on(tmp_path, suffix):
    model = model_with(mapped())
    losses(model)
    model.save(tmp_path / f"model.{suffix}")
    again = load_model(tmp_path / f"model.{suffix}")
    assert again.optimizer.iterations == 12
    assert losses(again) == losses(model)
    names = [variable.name for variable in again.optimizer.variables]
    assert names[:2] == ["iteration", "iteration"]
    assert [name.endswith("momentum") for name in names].count(True) == 4


def test_a_state_is_that_of_the_same_optimizers():
    model, other = model_with(mapped()), model_with(mapped())
    losses(model)
    losses(other, 1)
    other.optimizer.set_state(model.optimizer.get_state())
    other.set_weights(model.get_weights())
    assert losses(other) == losses(model)
    single = model_with(MultiOptimizer(OptimizerMap("sgd")))
    losses(single, 1)
    with pytest.raises(ConfigError, match="the state is that of other optimizers"):
        single.optimizer.set_state(model.optimizer.get_state())


DAMAGED = [[[12.0, 1.0], [12.0, 1.0]], [[12, 3], [12, -1]], [[-12, 1], [12, 1]], [["a", "b"], ["c", "d"]]]


@pytest.mark.parametrize("counts", DAMAGED)
def test_a_damaged_state_is_an_error_of_the_first_step(counts):
    model, other = model_with(mapped()), model_with(mapped())
    losses(model)
    state = model.optimizer.get_state()
    state["slots"][0]["counts"] = np.array(counts)
    other.optimizer.set_state(state)
    with pytest.raises(ConfigError, match="the state is that of other optimizers"):
        losses(other)


def test_a_map_has_the_patterns_that_were_set():
    chosen = OptimizerMap(SGD(0.1), {"a/.*": "adam"})
    assert ("a/.*" in chosen, "a/kernel" in chosen, "b" in chosen) == (True, False, False)
    with pytest.raises(WrongTypeError, match=r"a pattern is a string, .*, got 3"):
        chosen[3] = SGD()


def test_configs_come_back():
    again = deserialize(serialize(mapped()))
    assert repr(again.optimizer_map) == repr(mapped().optimizer_map)
    with pytest.raises(ConfigError, match="a function of variables is not saved"):
        MultiOptimizer(lambda variable: SGD()).get_config()


def test_gradients_of_single_rows_and_of_lists():
    pair = []
    for optimizer in (SGD(0.5), MultiOptimizer(OptimizerMap(SGD(0.5)))):
        model = Sequential([Embedding(5, 2), Flatten(), Dense(1)], seed=3)
        model.compile(optimizer, "mse")
        model.fit(np.arange(8).reshape(4, 2) % 5, np.ones((4, 1)), epochs=3, verbose=0)
        pair.append(model.get_weights())
    for one, other in zip(*pair, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    slow, fast = Variable([1.0], name="slow"), Variable([1.0], name="fast")
    optimizer = MultiOptimizer(OptimizerMap(SGD(0.5), {"slow": SGD(0.25)}), loss_scale_factor=2.0)
    optimizer.apply([np.ones(1) * 2, np.ones(1) * 2], [slow, fast])
    assert (slow.numpy().item(), fast.numpy().item()) == (0.75, 0.5)


def test_what_is_no_map():
    with pytest.raises(WrongTypeError, match="an OptimizerMap or a function of variables, got 3"):
        MultiOptimizer(3)
    with pytest.raises(WrongTypeError, match=r"a function of variables, got \{'a': 'adam'\}"):
        MultiOptimizer({"a": "adam"})
    chosen = OptimizerMap("sgd", {"a": "adam"})
    with pytest.raises(ConfigError, match="'a' has an optimizer already"):
        chosen["a"] = SGD()
    with pytest.raises(ConfigError, match=r"'\(' is not a regular expression"):
        chosen["("] = SGD()
    optimizer = MultiOptimizer(chosen)
    with pytest.raises(AttributeError, match="MultiOptimizer has no learning rate of its own"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match="MultiOptimizer has no learning rate of its own"):
        optimizer.learning_rate = 0.1
    with pytest.warns(UserWarning, match="'a' fits no variable, such as 'net/encoder/kernel'"):
        losses(model_with(optimizer), 1)
