"""Arguments of compile and fit, and what models tell of them, as Keras has them."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, ops
from nnlite.callbacks import Checkpoints
from nnlite.errors import ConfigError, NotReadyError
from nnlite.layers import LSTM, ActivityRegularization, Dense, Layer, concatenate
from nnlite.losses import BinaryCrossentropy
from nnlite.metrics import BinaryAccuracy

generator = np.random.default_rng(0)
X = generator.normal(size=(10, 3)).astype(np.float32)


def chain(**options):
    return Sequential([Input((3,)), Dense(1, kernel_initializer="ones", name="end")], seed=0, **options)


def test_epochs_of_none_train_nothing():
    model = chain()
    model.compile("sgd", "mse")
    before = model.get_weights()
    assert model.fit(X, X[:, 0], epochs=0, verbose=0).history == {}
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def rows_of_epochs(**options):
    """The losses of epochs in which nothing is trained: the means of the rows that came."""
    rows = np.arange(10.0)[:, None]
    model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones", trainable=False)], seed=0)
    model.compile("sgd", "mae")
    return model.fit(rows, 0 * rows, batch_size=2, verbose=0, **options).history


def test_an_epoch_of_fewer_steps_goes_on_where_the_last_one_stopped():
    losses = rows_of_epochs(shuffle=False, epochs=4, steps_per_epoch=3)["loss"]
    assert losses == [2.5, 7.5, 2.5, 7.5]  # Keras 3.15: the second and fourth epoch have two batches
    shuffled = rows_of_epochs(epochs=5, steps_per_epoch=1)["loss"]
    assert np.mean(shuffled) == pytest.approx(4.5)  # every row once
    whole = rows_of_epochs(shuffle=False, epochs=2, steps_per_epoch=5)["loss"]
    assert whole == [4.5, 4.5]


def test_validation_starts_over_in_each_epoch():
    rows = np.arange(10.0)[:, None]
    options = {"validation_data": (rows, 0 * rows), "validation_steps": 2, "validation_batch_size": 2}
    assert rows_of_epochs(epochs=2, **options)["val_loss"] == [1.5, 1.5]


def test_a_checkpoint_between_such_epochs_goes_on_with_the_same_rows(tmp_path):
    def trained(epochs, **options):
        model = chain()
        model.compile("adam", "mse")
        settings = {"batch_size": 2, "steps_per_epoch": 2, "verbose": 0}
        model.fit(X, X[:, 0], epochs=epochs, callbacks=[Checkpoints(tmp_path, every="1 epoch")], **settings, **options)
        return model.get_weights()

    whole = trained(4)
    for path in tmp_path.iterdir():
        path.unlink()
    trained(1)
    for own, other in zip(trained(4, resume=tmp_path), whole, strict=True):
        np.testing.assert_array_equal(own, other)


def test_lists_of_one_array_are_that_array():
    one, listed = chain(), chain()
    for model, wrap in [(one, lambda array: array), (listed, lambda array: [array])]:
        model.compile("sgd", "mse")
        model.fit(wrap(X), wrap(X[:, 0]), shuffle=False, verbose=0)
        assert model.evaluate(wrap(X), wrap(X[:, :1]), verbose=0) > 0
    np.testing.assert_array_equal(one.get_weights()[0], listed.get_weights()[0])
    np.testing.assert_array_equal(one.predict(X, verbose=0), listed.predict([X], verbose=0))
    np.testing.assert_array_equal(one(X), listed([X]))


def test_a_loss_whose_factor_is_0_changes_nothing():
    model = Sequential([Input((3,)), Dense(1)])
    model.compile("sgd", "mse", loss_weights=0.0)
    before = model.get_weights()
    assert model.fit(X, X[:, 0], verbose=0).history["loss"] == [0]
    for weight, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)


@pytest.mark.parametrize("weights", [0.5, [0.5], {"end": 0.5}])
def test_one_loss_has_a_factor(weights):
    given = Input((3,))
    models = [Model(given, Dense(1, kernel_initializer="ones", name="end")(given)) for _ in range(2)]
    models[0].compile("sgd", "mse", metrics=["mse"])
    models[1].compile("sgd", "mse", metrics=["mse"], loss_weights=weights)
    plain, weighted = (model.evaluate(X, X[:, 0], verbose=0) for model in models)
    assert weighted == [pytest.approx(plain[0] / 2), pytest.approx(plain[1])]
    before = models[0].get_weights()[0]
    for model in models:
        model.fit(X, X[:, 0], batch_size=10, verbose=0)
    change, half = (model.get_weights()[0] - before for model in models)
    np.testing.assert_allclose(half, change / 2, rtol=1e-4)
    twin = Model.from_config(models[1].get_config())
    twin.compile_from_config(models[1].get_compile_config())
    assert twin.get_compile_config() == models[1].get_compile_config()


def test_layers_of_a_graph_are_in_the_order_of_keras_with_its_inputs():
    sequence, other = Input((None, 3), name="sequence"), Input((None, 2), name="other")
    _, state, carry = LSTM(4, return_state=True, name="reader")(sequence)
    written = LSTM(4, return_sequences=True, name="writer")(other, initial_state=[state, carry])
    model = Model([sequence, other], Dense(2, name="end")(written))
    assert [layer.name for layer in model.layers] == ["sequence", "other", "reader", "writer", "end"]  # Keras 3.15
    assert model.get_layer(index=0) is model.layers[0] and model.get_layer("other") is model.layers[1]
    for arguments in ({}, {"name": "end", "index": 4}):
        with pytest.raises(ValueError, match="either a name or an index"):
            model.get_layer(**arguments)


def test_targets_of_a_free_number_of_steps():
    given = Input((None, 3))
    model = Model(given, Dense(2, activation="softmax")(LSTM(4, return_sequences=True)(given)))
    steps = generator.normal(size=(6, 5, 3))
    for loss, targets in [
        ("categorical_crossentropy", np.eye(2)[generator.integers(0, 2, (6, 5))]),
        ("sparse_categorical_crossentropy", generator.integers(0, 2, (6, 5))),
    ]:
        model.compile("adam", loss, metrics=["accuracy"])
        assert np.isfinite(model.fit(steps, targets, verbose=0).history["loss"]).all()
        with pytest.raises(ValueError, match="needs"):
            model.fit(steps, targets[:, 0, None, None], verbose=0)


class Endpoint(Layer):
    """Adds a loss that it computes of its inputs, and counts in a metric."""

    takes_several = True

    def __init__(self):
        super().__init__(name="predictions")
        self.loss, self.accuracy = BinaryCrossentropy(from_logits=True), BinaryAccuracy(name="acc")

    def call(self, inputs):
        targets, logits = inputs
        self.add_loss(self.loss(targets, logits))
        self.accuracy.update_state(targets, logits)
        return ops.sigmoid(logits)


def test_a_layer_may_call_a_loss_on_inputs():
    features, targets = Input((3,)), Input((1,))
    logits = Dense(1)(features)
    model = Model([features, targets], Endpoint()([targets, logits]))
    bits = (X[:, :1] > 0).astype(np.float32)
    output = model.predict([X, bits], verbose=0)
    model([X, bits])
    model.compile("sgd")
    bits_of_rows = (np.log(output / (1 - output))[:, 0] > 0.5) == bits[:, 0]  # of logits, as the layer passes them
    logged = model.evaluate([X, bits], verbose=0, batch_size=3, return_dict=True)
    assert logged == {"loss": pytest.approx(model.losses[0]), "acc": pytest.approx(bits_of_rows.mean(), rel=1e-6)}
    assert list(model.fit([X, bits], epochs=2, verbose=0).history) == ["acc", "loss"]  # Keras's order
    assert model.metrics_names == ["loss", "acc"]
    output = model([X, bits])
    assert model.losses[0] == pytest.approx(-np.mean(np.log(np.where(bits == 1, output, 1 - output))), rel=1e-5)


class Pairs(Model):
    """A step that makes its own targets."""

    def train_step(self, data):
        first, second = data
        similar = ops.matmul(self(first, training=True), ops.transpose(self(second, training=True)))
        loss = self.compute_loss(y=np.arange(len(first)), y_pred=similar)
        self.zero_grad()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([weight.gradient for weight in weights], weights)
        return {"loss": loss}


def test_targets_of_a_step_of_its_own_need_not_fit_the_loss():
    given = Input((3,))
    model = Pairs(given, Dense(4)(given))
    model.compile("adam", "sparse_categorical_crossentropy")
    assert len(model.fit(X, X, epochs=2, batch_size=5, verbose=0).history["loss"]) == 2


def test_metrics_of_several_outputs_are_listed_as_keras_lists_them():
    given = Input((3,))
    ends = {name: Dense(1, name=name)(given) for name in ("a", "b")}
    model = Model(given, ends)
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"]})
    assert model.metrics_names == ["loss", "compile_metrics"]
    results = model.evaluate(X, {"a": X[:, 0], "b": X[:, 1]}, verbose=0, return_dict=True)
    assert model.metrics_names == ["loss", "compile_metrics", "a_loss", "b_loss"]  # Keras 3.15
    assert model.get_metrics_result() == pytest.approx(results)
    model.reset_metrics()
    assert model.get_metrics_result()["loss"] == 0


def test_wrong_factors_are_refused():
    with pytest.raises(ConfigError, match="loss_weights"):
        chain().compile("sgd", "mse", loss_weights="a")


def test_concatenated_inputs_by_position_and_name():
    left, right = Input((3,), name="left"), Input((3,), name="right")
    model = Model({"left": left, "right": right}, Dense(1)(concatenate([left, right])))
    by_name = model.predict({"right": 2 * X, "left": X}, verbose=0)
    np.testing.assert_array_equal(by_name, model.predict([X, 2 * X], verbose=0))


def test_targets_of_the_one_output_with_a_loss_may_stand_alone():
    given = Input((3,))
    hidden = Dense(2)(given)
    model = Model(given, [Dense(1)(hidden), hidden])
    model.compile("sgd", ["mse", None])
    assert isinstance(model.evaluate(X, X[:, 0], verbose=0), float)  # as one loss has no further name
    assert model.evaluate(X, X[:, 0], verbose=0) == pytest.approx(model.evaluate(X, [X[:, 0], None], verbose=0))
    assert isinstance(model.predict(X, verbose=0), list) and isinstance(model(X), list)
    ends = Model(model.inputs, tuple(model.outputs))
    assert isinstance(ends.predict(X, verbose=0), tuple)


def test_a_loss_may_be_what_layers_add_alone():
    given = Input((3,))
    hidden = Dense(1, kernel_regularizer="l2", kernel_initializer="ones")(given)
    model = Model(given, ActivityRegularization(l2=1.0)(hidden))
    model.compile("sgd")
    expected = np.mean(np.sum(X, 1) ** 2) * len(X) / len(X) + 0.03
    logged = model.fit(X, verbose=0, epochs=2, batch_size=len(X)).history["loss"]
    assert model.evaluate(X, verbose=0) < logged[1] < logged[0] == pytest.approx(expected, rel=1e-5)
    chain().compile("sgd")
    plain = chain()
    plain.compile("sgd")
    with pytest.raises(NotReadyError, match=r"call compile.*before fit"):
        plain.fit(X, X[:, 0])
    late = Sequential([Dense(1)])
    late.compile("sgd")
    with pytest.raises(NotReadyError, match="compiled without a loss"):
        late.fit(X, X[:, 0])


def test_functions_of_an_iterator_take_its_next_batch():
    model, twin = chain(), chain()
    for one in (model, twin):
        one.compile("sgd", "mse", metrics=["mae"])
    batches = iter([(X, X[:, :1]), (X, X[:, :1], np.ones(10)), (X,)])
    assert model.make_train_function()(batches) == twin.train_on_batch(X, X[:, :1], return_dict=True)
    assert model.make_test_function()(batches) == twin.test_on_batch(X, X[:, :1], return_dict=True)
    np.testing.assert_array_equal(model.make_predict_function()(batches), twin.predict_on_batch(X))


def test_assigned_weights_are_returned():
    kernel = chain().layers[0].kernel
    assert kernel.assign([[1], [2], [3]]).tolist() == [[1], [2], [3]]
    assert kernel.assign_add([[1], [1], [1]]).tolist() == [[2], [3], [4]] == kernel.value.tolist()
    assert kernel.assign_sub([[1], [1], [1]]).tolist() == [[1], [2], [3]]


def test_a_model_without_weights_is_trained_on_what_its_layers_add():
    class Adding(Layer):
        def call(self, inputs):
            self.add_loss(ops.mean(inputs))
            return inputs

    inputs = Input((3,))
    model = Model(inputs, Adding()(inputs))
    model.compile("adam")
    history = model.fit(np.full((2, 3), 0.5), np.zeros((2, 3)), epochs=2, verbose=0)
    np.testing.assert_allclose(history.history["loss"], 0.5)
