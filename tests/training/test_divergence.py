"""Losses and weights that are not finite: found in the batch, told with where they came from, never kept."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model
from nnlite.callbacks import Callback, Checkpoints
from nnlite.errors import ConfigError, DivergenceError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import Add, Dense, Layer, Normalization
from nnlite.losses import Loss

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 3)).astype(np.float32)
Y = X @ np.ones((3, 1), np.float32)


class Breaks(Layer):
    """Its output is infinite where an input is larger than 100."""

    def linearize(self, inputs):
        broken = np.where(np.abs(inputs) > 100, np.float32(np.inf), inputs)
        return broken, Jacobians(Diagonal(np.ones((), inputs.dtype), inputs.shape, inputs.shape))


class BadGradient(Layer):
    """Its output is its input, and its derivative is none where an input is larger than 100."""

    def linearize(self, inputs):
        derivative = np.where(np.abs(inputs) > 100, np.float32(np.nan), np.float32(1))
        return inputs, Jacobians(Diagonal(derivative, inputs.shape, inputs.shape))


def spoilt(row=40):
    x = X.copy()
    x[row, 1] = 1000.0
    return x


def network(*layers, optimizer="sgd"):
    model = Sequential([Input((3,)), *layers, Dense(4, name="hidden"), Dense(1, name="last")], seed=0)
    model.compile(optimizer, "mse")
    return model


def test_the_batch_the_layer_the_rate_and_the_input_are_named():
    model = network(Breaks(name="breaks"))
    message = (
        r"training diverged in epoch 1, batch 6: the loss is (nan|inf); the first output that is not finite is that of "
        r"breaks \(Breaks\); learning rate 0\.01, largest input 1000\. Try a smaller learning rate"
    )
    with pytest.raises(DivergenceError, match=message):
        model.fit(spoilt(), Y, 8, 3, verbose=0, shuffle=False, on_divergence="stop")
    assert model.optimizer.iterations == 5  # the step that failed changed nothing
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    assert not model.trainer.ready_steps().guarded


def test_a_gradient_that_is_not_finite_is_found_in_the_next_batch():
    model = network(Dense(3, name="first"), BadGradient(), Dense(4, name="second"))
    model.set_weights([w * 0 + 1 for w in model.get_weights()])
    model.compile({"SGD": {"learning_rate": 1e-12}}, "mse")
    with pytest.raises(DivergenceError, match=r"batch 7: the loss is nan; the weights first/\w+ are not"):
        model.fit(spoilt(), Y, 8, 3, verbose=0, shuffle=False, on_divergence="stop")


def test_weights_lost_in_the_last_batch_of_an_epoch_are_found(tmp_path):
    model = network(Dense(3, name="first"), BadGradient(), Dense(4, name="second"))
    model.compile({"SGD": {"learning_rate": 1e-12}}, "mse")
    kept = Checkpoints(tmp_path, "1 epoch")
    with pytest.raises(DivergenceError, match=r"epoch 1, batch 8: weights are not finite; the weights first/\w+"):
        model.fit(spoilt(63), Y, 8, 3, verbose=0, shuffle=False, on_divergence="stop", callbacks=[kept])
    assert list(tmp_path.glob("*.safetensors")) == []


def test_graphs_and_losses_are_named_too():
    first = Input((3,))
    inner = Dense(4, name="a")(first)
    model = Model(first, Dense(1, name="end")(Add()([Breaks(name="breaks")(inner), inner])), seed=0)
    model.compile("sgd", "mse")
    model.get_layer("a").kernel.value[...] = 1.0
    with pytest.raises(DivergenceError, match=r"is that of breaks \(Breaks\)"):
        model.fit(spoilt(), Y, 8, verbose=0, shuffle=False, on_divergence="stop")

    class Overflows(Loss):
        target_kind = "regression"

        def linearize(self, y_true, y_pred, sample_weight=None, mask=None):
            from nnlite.losses import MeanSquaredError

            value, jacobian = MeanSquaredError().linearize(y_true, y_pred, sample_weight, mask)
            return value * np.inf, jacobian

    model = network()
    model.loss = Overflows()
    with pytest.raises(DivergenceError, match="all outputs are finite, but the loss of them is not"):
        model.fit(X, Y, 8, verbose=0, on_divergence="stop")


def test_restore_gives_back_the_last_finite_epoch():
    class Diverge(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.kept = self.model.get_weights()
                self.model.optimizer.learning_rate = 1e30

    model, diverge = network(Normalization()), Diverge()
    model.adapt(X)
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="diverged in epoch 3, .* are restored"):
        history = model.fit(X, Y, 8, 6, verbose=0, callbacks=[diverge], on_divergence="restore")
    assert history.epoch == [0, 1] and model.optimizer.iterations == 16 and model.trainer.diverged
    assert all((a == b).all() for a, b in zip(model.get_weights(), diverge.kept, strict=True))
    assert np.isfinite(model.evaluate(X, Y, verbose=0))


@pytest.mark.parametrize("choice", [{}, {"on_divergence": "ignore"}])
def test_fit_goes_on_as_keras_does_unless_it_is_asked(choice):
    model = network(optimizer={"SGD": {"learning_rate": 1e30}})
    with np.errstate(all="ignore"):
        history = model.fit(X, Y, 8, 3, verbose=0, **choice)
    assert len(history.epoch) == 3 and not np.isfinite(history.history["loss"][-1])


def test_what_is_not_finite_is_never_kept(tmp_path):
    model = network(optimizer={"SGD": {"learning_rate": 1e30}})
    with np.errstate(all="ignore"):
        model.fit(X, Y, 8, 1, verbose=0, callbacks=[Checkpoints(tmp_path, "1 step")], validation_split=0.2)
    assert model.optimizer.iterations == 7
    for path in tmp_path.glob("*.safetensors"):
        assert all(np.isfinite(weights).all() for weights in load_model(path).get_weights()), path.name
    assert not (tmp_path / "best.safetensors").exists()


def test_a_wrong_word():
    with pytest.raises(ConfigError, match="on_divergence"):
        network().fit(X, Y, on_divergence="sotp")
