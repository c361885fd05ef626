"""Switches of `config` that hold for all calls of `fit`, `evaluate` and `predict`."""

import numpy as np
import pytest

from nnlite import Sequential, config, losses, metrics, ops
from nnlite.callbacks import LambdaCallback
from nnlite.constraints import UnitNorm
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.layers import Dense

X = np.linspace(0, 1, 48, dtype=np.float32).reshape(24, 2)
Y = X[:, :1]


@pytest.fixture(autouse=True)
def defaults():
    """What a test switches is undone."""
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_interactive_logging()
    config.set_epsilon(1e-7)


def compiled():
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    return model


def test_epochs_are_limited_with_a_warning():
    config.set_max_epochs(2)
    model = compiled()
    with pytest.warns(UserWarning, match="epochs=5 is limited to 2"):
        history = model.fit(X, Y, epochs=5, verbose=0)
    assert history.epoch == [0, 1]
    assert model.fit(X, Y, epochs=1, verbose=0).epoch == [0]


def test_steps_are_limited_in_each_call():
    config.set_max_steps_per_epoch(3)
    model = compiled()
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    assert model.optimizer.iterations == 6
    assert model.predict(X, batch_size=4, verbose=0).shape == (24, 1)  # without callbacks all at once
    assert model.predict(X, batch_size=4, verbose=2).shape == (12, 1)
    first = model.evaluate(X[:12], Y[:12], batch_size=4, verbose=0)
    assert model.evaluate(X, Y, batch_size=4, verbose=0) == first
    model.fit([(X[:4], Y[:4])] * 5, verbose=0)
    assert model.optimizer.iterations == 9
    model.fit(((X[:4], Y[:4]) for _ in range(2)), verbose=0)  # fewer than the limit
    assert model.optimizer.iterations == 11
    with pytest.warns(TrainingWarning, match="3 batches expected, got 2"):
        model.fit(((X[:4], Y[:4]) for _ in range(2)), steps_per_epoch=4, verbose=0)


def test_limits_come_from_the_environment_too(monkeypatch):
    for name in ("max_epochs", "max_steps_per_epoch"):
        config.switches._switches.pop(name, None)
    monkeypatch.setenv("NNLITE_MAX_EPOCHS", "3")
    monkeypatch.setenv("NNLITE_MAX_STEPS_PER_EPOCH", "none")
    assert config.max_epochs() == 3
    with pytest.raises(ConfigError, match="NNLITE_MAX_STEPS_PER_EPOCH must be an integer >= 1, got 'none'"):
        config.max_steps_per_epoch()


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3"])
def test_limits_are_positive_integers(value):
    with pytest.raises(ConfigError, match="max_epochs must be an integer >= 1 or None"):
        config.set_max_epochs(value)


def test_without_interactive_logging_auto_prints_lines(capsys):
    assert config.is_interactive_logging_enabled()
    config.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    seen = []
    watcher = LambdaCallback(on_train_begin=lambda logs: seen.append(watcher.params["verbose"]))
    compiled().fit(X, Y, callbacks=[watcher])
    config.enable_interactive_logging()
    compiled().fit(X, Y, callbacks=[watcher])
    assert seen == [2, 1]
    assert "1/1 - 0s - " in capsys.readouterr().out


def test_switches_of_keras_that_change_nothing():
    assert config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    config.enable_traceback_filtering()
    assert config.is_flash_attention_enabled() is None
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is None
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False
    assert config.is_nnx_enabled() is False
    with pytest.warns(UserWarning, match="model files hold no code"):
        config.enable_unsafe_deserialization()
    config.set_backend("numpy")
    with pytest.raises(ConfigError, match="NumPy alone, backend='numpy'; got 'jax'"):
        config.set_backend("jax")


def test_epsilon_reaches_the_formulas_that_read_it_in_keras():
    config.set_epsilon(0.1)
    small = np.log(0.1)
    for loss, y_true, y_pred, expected in [
        (losses.BinaryCrossentropy(), [[1.0]], [[0.0]], -small),
        (losses.CategoricalCrossentropy(), [[1.0, 0.0]], [[0.0, 1.0]], -small),
        (losses.SparseCategoricalCrossentropy(), [0], [[0.0, 1.0]], -small),
        (losses.MeanAbsolutePercentageError(), [[0.0]], [[1.0]], 1000),
        (losses.MeanSquaredLogarithmicError(), [[0.0]], [[-1.0]], 0),
        (losses.Poisson(), [[1.0]], [[0.0]], -small),
        (losses.KLDivergence(), [[1.0, 0.0]], [[0.0, 1.0]], 0.9 * -small),
        (losses.Dice(), [[1.0]], [[1.0]], 1 - 2 / 2.1),
        (metrics.BinaryCrossentropy(), [[1.0]], [[0.0]], -small),
        (metrics.KLDivergence(), [[1.0, 0.0]], [[0.0, 1.0]], 0.9 * -small),
    ]:
        assert float(loss(y_true, y_pred)) == pytest.approx(expected, rel=1e-5, abs=1e-6), loss
    assert metrics.AUC(num_thresholds=3).thresholds == [-0.1, 0.5, 1.1]
    assert UnitNorm()(np.ones((1, 1))) == pytest.approx(1 / 1.1)
    assert ops.rms_normalization(np.ones(1)) == pytest.approx(1.1**-0.5)
    assert float(ops.binary_crossentropy([1.0], [0.0])[0]) == pytest.approx(-small)
