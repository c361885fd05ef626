"""Layers, optimizers and metrics that several models use; models inside models; arrays that must not be shared."""

import numpy as np
import pytest

from nnlite import Sequential, load_model
from nnlite.callbacks import EarlyStopping, LearningRateScheduler
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import BatchNormalization, Dense, Dropout, Input, Layer, LayerNormalization, Rescaling, Reshape
from nnlite.losses import BinaryCrossentropy, MeanSquaredError
from nnlite.metrics import MeanAbsoluteError
from nnlite.ops import Add, Sum
from nnlite.optimizers import SGD, Adam

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(40, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]]).astype("float32")


def compiled(*layers, optimizer="sgd", loss="mse", **options):
    model = Sequential([Input((3,)), *layers], seed=0)
    model.compile(optimizer, loss, **options)
    return model


def test_frozen_layer_trained_by_another_model_stays_in_use():
    judge = compiled(Dense(1))
    judge.trainable = False
    both = compiled(Dense(3), judge)
    both.fit(X, Y, verbose=0)
    judge.trainable = True
    judge.compile("sgd", "mse")
    judge.fit(X, Y, epochs=3, verbose=0)
    assert both.evaluate(X, Y, verbose=0) == pytest.approx(np.mean((both.predict(X, verbose=0) - Y) ** 2), rel=1e-5)


def test_two_models_train_a_shared_layer_in_turn():
    shared = Dense(1)
    one, other = compiled(shared), compiled(shared)
    for model in (one, other, one):
        before = shared.kernel.value.copy()
        model.train_step(X, Y)
        assert not np.array_equal(before, shared.kernel.value)


def test_optimizer_of_another_model_is_copied_without_its_memory():
    optimizer = Adam()
    first, second = compiled(Dense(1), optimizer=optimizer), compiled(Dense(1), optimizer=optimizer)
    first.fit(X, Y, epochs=2, verbose=0)
    third = compiled(Dense(1), optimizer=optimizer)
    assert third.optimizer is not optimizer
    assert third.optimizer.iterations == 0
    assert second.optimizer is optimizer


def test_metric_in_both_lists_counts_once_in_each():
    metric = MeanAbsoluteError()
    model = compiled(Dense(1), metrics=[metric], weighted_metrics=[metric])
    weight = np.linspace(0, 1, 40)
    logs = model.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    error = np.abs(model.predict(X, verbose=0) - Y)[:, 0]
    assert logs["mean_absolute_error"] == pytest.approx(error.mean(), rel=1e-5)
    assert logs["weighted_mean_absolute_error"] == pytest.approx((error * weight).sum() / weight.sum(), rel=1e-5)
    assert metric.name == "mean_absolute_error"


class Complement(Layer):
    """outputs = 1 - activation(inputs): it holds an activation but does not end in it."""

    activation: str = "sigmoid"

    def linearize(self, inputs):
        p = 1 / (1 + np.exp(-inputs))
        return 1 - p, Jacobians(Diagonal(-p * (1 - p), inputs.shape, inputs.shape))


class HalfBinaryCrossentropy(BinaryCrossentropy):
    """A loss of its own that only inherits from one that is computed from logits."""

    def per_row(self, y_true, y_pred):
        losses, rows = super().per_row(y_true, y_pred)
        return losses / 2, type(rows)(rows.gradients / 2)


@pytest.mark.parametrize(
    ("last", "loss"),
    [(Complement(), BinaryCrossentropy()), (Dense(1, activation="sigmoid"), HalfBinaryCrossentropy())],
)
def test_only_known_pairs_are_computed_from_logits(last, loss):
    labels = (Y > 0).astype(int)
    model = compiled(Dense(1), last, loss=loss)
    assert model.evaluate(X, labels, verbose=0) == pytest.approx(loss(labels, model.predict(X, verbose=0)), rel=1e-5)


@pytest.mark.parametrize("make", [LayerNormalization, BatchNormalization, lambda: Dense(2)])
def test_built_layer_refuses_another_shape(make):
    layer = make()
    Sequential([Input((1,)), layer])
    with pytest.raises(ShapeError, match=r"was built for inputs of shape \(None, 1\), got \(None, 5\)"):
        Sequential([Input((5,)), layer])
    model = Sequential([Dense(2)])
    model.build((None, 5))
    with pytest.raises(ShapeError, match="was built for"):
        model.build((None, 7))


def test_failed_build_leaves_nothing_behind():
    layer = Dense(3, bias_initializer="orthogonal")
    for _ in range(2):
        with pytest.raises(Exception, match="rthogonal"):
            layer(X)
        assert layer.parameters == []


class WithoutMapOfKernel(Layer):
    """One parameter, no map for it."""

    def build(self, input_shape):
        self.gain = self.add_weight((3,), "ones", name="gain")

    def linearize(self, inputs, gain):
        return inputs * gain, Jacobians(Diagonal(gain, inputs.shape, inputs.shape))


class Bare(Layer):
    """Returns the output alone."""

    def linearize(self, inputs):
        return inputs


@pytest.mark.parametrize("layer", [WithoutMapOfKernel, Bare])
def test_linearize_must_return_a_map_per_parameter(layer):
    with pytest.raises(ShapeError, match=f"{layer.__name__}.*one map for the inputs and one for each"):
        layer()(X)


class OneNameTwice(Layer):
    """Two parameters of one name."""

    def build(self, input_shape):
        self.add_weight((3,), name="gain")
        self.add_weight((3,), name="gain")


def test_parameter_names_are_unique():
    with pytest.raises(ConfigError, match="has a parameter 'gain' already"):
        OneNameTwice()(X)


def test_class_weight_needs_one_label_per_row():
    model = compiled(Dense(3, activation="sigmoid"), loss="binary_crossentropy")
    with pytest.raises(DataError, match="need one label per row"):
        model.fit(X, (X > 0).astype(int), class_weight={1: 2.0}, verbose=0)


def test_nested_model_cannot_be_changed():
    inner = Sequential([Dense(2)])
    Sequential([Input((3,)), inner])
    with pytest.raises(ConfigError, match="part of another model"):
        inner.add(Dense(1))
    with pytest.raises(ConfigError, match="part of another model"):
        inner.pop()


def test_model_cannot_hold_itself():
    model = Sequential([Dense(2)])
    with pytest.raises(ConfigError, match="cannot be a layer of itself"):
        model.add(model)


def test_saving_after_freezing_without_compile(tmp_path):
    first = Dense(4)
    model = compiled(first, Dense(1), optimizer="adam")
    model.fit(X, Y, verbose=0)
    first.trainable = False
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    before = loaded.layers[0].kernel.value.copy()
    loaded.fit(X, Y, verbose=0)
    assert np.array_equal(before, loaded.layers[0].kernel.value)


def test_results_can_be_written_to():
    add, total = Add(), Sum()
    add.forward(X, X)
    upstream = np.ones_like(X)
    by_a, by_b = add.backward(upstream)
    by_a += 1
    assert (by_b == 1).all()
    assert (upstream == 1).all()
    total.forward(X)
    by_x = total.backward(1)
    by_x += 1
    for model in (Sequential([Dropout(0.5)]), Sequential([Rescaling(1.0)])):
        output = model(X)
        output += 1
        output = model.predict_on_batch(X)
        output += 1
    assert not np.shares_memory(output, X)


def test_callbacks_wait_for_the_epochs_that_are_validated():
    model = compiled(Dense(1))
    stopping = EarlyStopping(patience=1, min_delta=1e9)
    history = model.fit(X, Y, epochs=20, validation_data=(X, Y), validation_freq=2, callbacks=stopping, verbose=0)
    assert len(history.epoch) == 4
    assert len(history.history["val_loss"]) == 2


def test_learning_rate_scheduler_takes_functions_of_one_or_two_arguments():
    for schedule in (lambda epoch: 0.5 / (epoch + 1), lambda epoch, rate: 0.5 / (epoch + 1)):
        model = compiled(Dense(1), optimizer=SGD(0.1))
        history = model.fit(X, Y, epochs=2, callbacks=[LearningRateScheduler(schedule)], verbose=0)
        assert history.history["learning_rate"] == [0.5, 0.25]


def test_config_keeps_the_input_shape():
    model = Sequential([Input((None, 3)), Dense(2)], seed=0)
    again = Sequential.from_config(model.get_config())
    assert again.input_shape == (None, None, 3)
    assert again.get_config() == model.get_config()


def test_loss_without_reduction_cannot_train():
    with pytest.raises(ConfigError, match="single number"):
        compiled(Dense(1), loss=MeanSquaredError(reduction="none"))


def test_mean_is_no_metric_of_a_model():
    with pytest.raises(ConfigError, match="Mean averages given values"):
        compiled(Dense(1), metrics=["mean"])


def test_file_that_must_not_be_replaced(tmp_path):
    model = compiled(Dense(1))
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="exists already"):
        model.save(tmp_path / "model.safetensors", overwrite=False)
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        model.save_weights(tmp_path / "folder.safetensors")
    assert not load_model(tmp_path / "model.safetensors", compile=False).compiled


def test_dropout_of_own_calls_changes_and_repeats():
    def masks():
        model = Sequential([Input((50,)), Dropout(0.5)], seed=3)
        return [model(np.ones((1, 50)), training=True) for _ in range(2)]

    (first, second), again = masks(), masks()
    assert not np.array_equal(first, second)
    assert np.array_equal([first, second], again)


def test_refused_layer_and_refused_compile_leave_the_model_as_it_was():
    model = compiled(Dense(2))
    with pytest.raises(ShapeError):
        model.add(Reshape((5,)))
    assert [layer.name for layer in model.layers] == ["dense"]
    assert model.predict(X, verbose=0).shape == (40, 2)
    loss = model.loss
    with pytest.raises(ConfigError):
        model.compile("adam", "mse", metrics=["mean"])
    assert model.loss is loss
    assert type(model.optimizer) is SGD


def test_own_build_call_uses_the_default_dtype():
    model = Sequential([Dense(2)])
    model.build((None, 3))
    assert model.dtype == "float32"
    assert [type(stage.layer) for stage in model.chain.stages] == [Dense]


def test_message_names_all_that_is_allowed():
    with pytest.raises(ConfigError, match=r"unknown schedule 'abc'; .*(CosLog4|schedules).*; or expected a number"):
        SGD("abc")
