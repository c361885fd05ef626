"""A few rows go a quicker way through `predict` and a call, with the same numbers and the same errors."""

import warnings

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.callbacks import LambdaCallback
from nnlite.config import set_floatx
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.inference import quick
from nnlite.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Normalization,
    Softmax,
    TemperatureScaling,
)

generator = np.random.default_rng(6)
X = generator.normal(size=(100, 4))


@pytest.fixture
def asked(monkeypatch):
    """How many calls found the quicker way."""
    counts, whole = [], quick.quick_outputs

    def counted(model, x):
        outputs = whole(model, x)
        counts.append(outputs is not None)
        return outputs

    monkeypatch.setattr("nnlite.models.base.quick_outputs", counted)
    return counts


def built(*layers, dtype="float64", kind=Sequential):
    set_floatx(dtype)
    try:
        model = kind([Input((4,)), *layers], seed=0)
    finally:
        set_floatx("float32")
    model.compile("sgd", "mse")
    return model


NETS = [
    [Dense(5, "relu"), Dropout(0.5), Dense(3, "softmax")],
    [Normalization(mean=-200.0, variance=4.0), Dense(5), Activation("tanh"), Dense(4), Softmax()],
    [Dense(100, "gelu", parametrization="ntk"), Dense(3)],
    [Dropout(0.5), Dense(4, "relu"), Dense(4), TemperatureScaling()],
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", NETS, ids=lambda layers: type(layers[0]).__name__)
@pytest.mark.parametrize("rows", [1, 7, quick.FEW_ROWS])
def test_the_numbers_are_those_of_the_layers(rows, layers, dtype, asked):
    model = built(*[type(layer).get(layer.to_spec()) for layer in layers], dtype=dtype)
    x = generator.normal(size=(rows, 4))
    slow = model.linearize(x.astype(dtype), *model.values)[0]
    assert not asked
    for outputs in (model.predict(x, verbose=0), model.predict(x, 100, verbose=0), model(x), model.predict_on_batch(x)):
        assert outputs.dtype == slow.dtype
        tolerance = 2e-6 if dtype == "float32" else 1e-13
        np.testing.assert_allclose(outputs, slow, rtol=tolerance, atol=tolerance)
    assert asked == [True] * 4
    np.testing.assert_allclose(
        model.predict(np.tile(x, (70, 1)), verbose=0)[:rows], slow, rtol=tolerance, atol=tolerance
    )
    assert asked[4:] == [False]


def test_weights_are_those_of_the_moment():
    model = built(Dense(2))
    first = model.predict(X[:3], verbose=0)
    model.set_weights([2 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(model.predict(X[:3], verbose=0), 2 * first, rtol=1e-14)


@pytest.mark.parametrize("layers", [[Dropout(0.5)], [Activation("linear")]])
def test_outputs_share_no_memory_with_inputs(layers):
    model, x = built(*layers), X[:3].copy()
    for outputs in (model(x), model.predict(x, verbose=0)):
        outputs[...] = 0
        np.testing.assert_array_equal(x, X[:3])


@pytest.mark.parametrize("rows", [3, 90])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad, rows):
    x = X[:rows].copy()
    x[1, 2] = bad
    with pytest.raises(DataError, match="row 1"):
        built(Dense(2)).predict(x, verbose=0)


def test_errors_are_those_of_many_rows():
    model = built(Dense(2), dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="float32"):
            model.predict(X[:3] * 1e300, verbose=0)
    with pytest.raises(DataError, match="complex"):
        model.predict(X[:3] * 1j, verbose=0)
    with pytest.raises(ShapeError):
        model.predict(X[:3, :2], verbose=0)
    with pytest.raises(DataError):
        model.predict(X[:0], verbose=0)
    unadapted = built(Normalization(), Dense(2))
    for ask in (unadapted, lambda x: unadapted.predict(x, verbose=0)):
        with pytest.raises(NotReadyError):
            ask(X[:3])


def test_arguments_are_read_all_the_same(asked, capsys):
    model, seen = built(Dense(2)), []
    model.predict(X[:3], verbose=0, callbacks=[LambdaCallback(on_predict_end=lambda logs: seen.append(logs))])
    assert len(seen) == 1
    with pytest.raises(ConfigError, match="batch_size"):
        model.predict(X[:3], batch_size=0, verbose=0)
    with pytest.raises(ConfigError, match="batch_size"):
        model.predict(X[:3], batch_size=2.5, verbose=0)
    outputs, jacobian = model.predict(X[:3], verbose=0, return_jacobian=True)
    assert (outputs.shape, jacobian.shape) == ((3, 2), (3, 2, 4))
    assert not asked
    assert capsys.readouterr().out == ""
    model.predict(X[:3])
    assert capsys.readouterr().out


def test_classes_that_compute_otherwise_are_asked():
    class Doubled(Sequential):
        def linearize(self, inputs, *parameters, **context):
            return super().linearize(2 * inputs, *parameters, **context)

    class Shown(Sequential):
        def predict_step(self, data):
            return 7 * self(data)

    plain = built(Dense(2, use_bias=False))
    for kind, factor in ((Doubled, 2), (Shown, 7)):
        model = built(Dense(2, use_bias=False), kind=kind)
        model.set_weights(plain.get_weights())
        np.testing.assert_allclose(model.predict(X[:3], verbose=0), factor * plain(X[:3]), rtol=1e-14)


def test_a_model_without_the_quicker_way_takes_the_other(asked):
    normalized = built(Dense(3), BatchNormalization(), Dense(2))
    inputs = Input((4,))
    graph = Model(inputs, Dense(2)(inputs), seed=0)
    for model in (normalized, graph):
        assert model(X[:3]).shape == model.predict(X[:3], verbose=0).shape == (3, 2)
    assert not any(asked)


def test_training_mode_masks_and_penalties_are_heeded(asked):
    model = built(Dense(50), Dropout(0.5))
    assert (model(X[:3], training=True) == 0).any()
    assert not asked
    penalized = built(Dense(2, activity_regularizer="l2", kernel_regularizer="l2"))
    losses = []
    for x in (X[:3], X[:3].tolist(), X[:3]):
        penalized(x)
        losses.append(penalized.losses)
    assert losses[0] == losses[1] == losses[2]
    assert losses[0]


def test_gradients_flow_through_a_call_that_is_recorded():
    class Written(Sequential):
        def train_step(self, data):
            x, y = data
            loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            validated = self(x)
            self.zero_grad()
            (loss + 0 * (validated**2).sum()).backward()
            weights = self.trainable_weights
            self.optimizer.apply([weight.gradient for weight in weights], weights)
            return {"loss": loss}

    model, plain = built(Dense(2), kind=Written), built(Dense(2))
    model.set_weights(plain.get_weights())
    for trained in (model, plain):
        trained.fit(X[:8], X[:8, :2], verbose=0, shuffle=False)
    np.testing.assert_allclose(model.get_weights()[0], plain.get_weights()[0], rtol=1e-12)
