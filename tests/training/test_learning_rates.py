"""The search for a learning rate: its curve, what it suggests, and that it leaves the model alone."""

import numpy as np
import pytest

from nnlite.cli import main
from nnlite.errors import ConfigError, NotReadyError
from nnlite.layers import BatchNormalization, Dense, Dropout
from nnlite.models import Sequential
from nnlite.optimizers import ExponentialDecay
from nnlite.training.rates import LearningRateCurve

RATES = np.geomspace(1e-6, 1.0, 61)


def data(rows=300):
    x = np.random.default_rng(0).standard_normal((rows, 4))
    return x, x @ np.array([[1.0], [-2.0], [0.5], [0.0]])


def compiled(optimizer="sgd"):
    model = Sequential([Dense(8, "tanh"), BatchNormalization(), Dropout(0.1), Dense(1)], seed=0)
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def curve_of(losses):
    losses = np.asarray(losses, float)
    return LearningRateCurve(RATES[: len(losses)], losses, losses)


def test_the_steepest_fall_is_suggested():
    fall = 1.0 / (1.0 + np.exp(2.0 * (np.log10(RATES) + 3.0)))  # steepest at 1e-3
    fall[50:] = 3.0
    assert curve_of(fall).suggestion == pytest.approx(1e-3, rel=0.01)
    noisy = fall + 0.02 * np.random.default_rng(0).standard_normal(61)
    assert 3e-4 < curve_of(noisy).suggestion < 3e-3
    assert curve_of(np.linspace(1, 2, 61)).suggestion is None
    assert "the loss did not fall: no suggestion" in str(curve_of(np.linspace(1, 2, 61)))
    assert (
        curve_of([]).suggestion is None and "no curve" in str(curve_of([])) and "no curve" in curve_of([])._repr_html_()
    )


def test_the_text_shows_the_curve_and_the_suggestion():
    fall = 1.0 / (1.0 + np.exp(2.0 * (np.log10(RATES) + 3.0)))
    lines = str(curve_of(fall)).splitlines()
    assert lines[0] == "smoothed loss" and lines[-1].startswith("suggested learning rate: 0.001,")
    assert lines[1].lstrip().startswith("0.9975 *") and lines[12].rstrip().endswith("*")
    assert all("|" in line or "*" in line for line in lines[1:13])
    assert "1.0e-06" in lines[13] and lines[13].endswith("1.0e+00")
    assert max(map(len, lines)) < 80
    page = curve_of(fall)._repr_html_()
    assert "<svg" in page and "suggested learning rate: 0.001" in page


def test_a_linear_model_gets_a_rate_at_which_it_learns():
    x, y = data()
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    curve = model.find_learning_rate(x, y, steps=80)
    assert 0.01 < curve.suggestion < 1.0
    assert len(curve.rates) < 80 and curve.rates[0] == 1e-6  # SGD diverges before a rate of 10
    model.compile({"SGD": {"learning_rate": curve.suggestion}}, "mse")
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=3, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.05 * before


def test_the_model_stays_as_it_is():
    x, y = data()
    schedule = ExponentialDecay(0.01, 10, 0.5)
    model, twin = (compiled({"Adam": {"learning_rate": schedule}}) for _ in range(2))
    for one in (model, twin):
        one.fit(x, y, epochs=1, verbose=0)
    metrics = [metric.result() for metric in model.trainer.metrics]
    first = model.find_learning_rate(x, y, batch_size=50, steps=30)
    second = model.find_learning_rate(x, y, batch_size=50, steps=30)
    np.testing.assert_array_equal(first.losses, second.losses)
    assert [metric.result() for metric in model.trainer.metrics] == metrics
    assert model.optimizer.iterations == twin.optimizer.iterations
    assert model.optimizer.to_spec() == twin.optimizer.to_spec()
    for one in (model, twin):
        one.fit(x, y, epochs=1, verbose=0)
    for found, expected in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_other_schedules_keep_their_first_value():
    x, y = data()
    curves = []
    for rate in (0.3, {"FlatCosine": {"value": 0.3}}):
        decay = 0.01 if rate == 0.3 else {"FlatCosine": {"value": 0.01}}
        model = Sequential([Dense(16, "relu"), Dropout(rate), Dense(1)], seed=0)
        model.compile({"AdamW": {"learning_rate": {"CosLog4": {"learning_rate": 0.1}}, "weight_decay": decay}}, "mse")
        curves.append(model.find_learning_rate(x, y, steps=40).losses)
    np.testing.assert_array_equal(*curves)


def test_rates_grow_by_one_factor():
    curve = compiled().find_learning_rate(*data(), min_learning_rate=1e-4, max_learning_rate=1e-2, steps=21)
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-4, 1e-2, 21), rtol=1e-12)
    assert curve.losses.shape == curve.smoothed.shape == (21,)
    mean = 0.0
    for step, loss in enumerate(curve.losses, 1):
        mean = 0.9 * mean + 0.1 * loss
        assert curve.smoothed[step - 1] == pytest.approx(mean / (1 - 0.9**step))


def test_what_is_refused():
    with pytest.raises(ConfigError, match="max_learning_rate: must be above min_learning_rate"):
        compiled().find_learning_rate(*data(), min_learning_rate=1.0, max_learning_rate=0.1)
    with pytest.raises(ConfigError, match=r"find_learning_rate.steps: must be >= 1"):
        compiled().find_learning_rate(*data(), steps=0)
    with pytest.raises(NotReadyError, match="before find_learning_rate"):
        Sequential([Dense(1)]).find_learning_rate(*data())


def test_the_command_prints_the_curve(capsys):
    assert main(["lr-find", "configs/diabetes.yaml", "--steps", "60", "--set", "fit.batch_size=16"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("smoothed loss") and "suggested learning rate: " in printed
    assert main(["lr-find", "configs/diabetes.yaml", "--steps", "0"]) == 2
    assert "steps: must be >= 1" in capsys.readouterr().err
