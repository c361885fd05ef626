"""What users' losses, metrics, callbacks and steps meet in `fit` and `evaluate` as in Keras 3: shapes, names, kinds."""

import tracemalloc

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, losses, ops
from nnlite.callbacks import Callback, CallbackList, EarlyStopping, LambdaCallback, LearningRateScheduler
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.layers import Dense
from nnlite.losses import Loss
from nnlite.metrics import Metric
from nnlite.schedules import ExponentialDecay
from nnlite.training.inputs import prepared_targets
from nnlite.utils import PyDataset

X = np.sin(np.arange(24.0)).reshape(12, 2)
Y = X.sum(-1, keepdims=True)
LABELS = np.arange(12) % 3


def classifier(loss, **options):
    model = Sequential([Input((2,)), Dense(3, "softmax")], seed=0)
    model.compile({"sgd": {"learning_rate": 0.1}}, loss, **options)
    return model


def regressor(**options):
    model = Sequential([Input((2,)), Dense(1)], seed=0)
    model.compile("sgd", "mse", **options)
    return model


def by_function(y_true, y_pred):
    return losses.sparse_categorical_crossentropy(y_true, y_pred)


class ByClass(Loss):
    """Class numbers as targets, in a loss of the user's."""

    def call(self, y_true, y_pred):
        return losses.sparse_categorical_crossentropy(y_true, y_pred)


class Shapes(Metric):
    """The shapes that it is shown; hits among the rows, as a comparison of two columns."""

    def __init__(self, name="shapes"):
        super().__init__(name=name)
        self.hits, self.seen = self.add_variable((), "zeros", name="hits"), []

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.append(np.shape(y_true))
        chosen = ops.reshape(ops.argmax(y_pred, axis=1), (-1, 1))
        self.hits.assign_add(ops.sum(ops.cast(ops.equal(ops.cast(y_true, "int64"), chosen), "float32")))

    def result(self):
        return self.hits


@pytest.mark.parametrize("loss", [by_function, ByClass()], ids=["function", "class"])
@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None]], ids=["numbers", "column"])
def test_a_loss_of_the_user_takes_class_numbers(loss, labels):
    built_in, written = classifier("sparse_categorical_crossentropy"), classifier(loss, metrics=["accuracy"])
    expected = built_in.fit(X, labels, epochs=2, verbose=0).history["loss"]
    assert written.fit(X, labels, epochs=2, verbose=0).history["loss"] == pytest.approx(expected, rel=1e-6)
    assert np.allclose(written.get_weights()[0], built_in.get_weights()[0])


def test_a_loss_of_the_user_takes_more_than_the_outputs():
    def weighted(y_true, y_pred):
        return ops.square(y_true[:, 0] - y_pred[:, 0]) * y_true[:, 1]

    model = regressor()
    model.compile("sgd", weighted)
    factors = np.arange(12.0)
    outputs = model.predict(X, verbose=0)
    loss = model.evaluate(X, np.concatenate([Y, factors[:, None]], axis=1), verbose=0)
    assert loss == pytest.approx(np.mean((Y - outputs)[:, 0] ** 2 * factors), rel=1e-5)


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None]], ids=["numbers", "column"])
def test_a_metric_of_the_user_gets_class_numbers_as_they_were_given(labels):
    model = classifier("sparse_categorical_crossentropy", metrics=[Shapes(), lambda t, p: ops.zeros(np.shape(t)[:1])])
    hits = model.evaluate(X, labels, verbose=0)[1]
    shapes = model.trainer.metrics[0]
    assert set(shapes.seen) == {labels.shape}
    if labels.ndim == 2:
        assert hits == np.sum(model.predict(X, verbose=0).argmax(-1) == LABELS)
    model.train_on_batch(X, labels)
    model.train_on_batch(X, labels)  # its shapes are known by now
    assert set(shapes.seen) == {labels.shape}


@pytest.mark.parametrize("shape", [(12,), (12, 1)])
def test_a_metric_of_the_user_gets_weights_as_they_were_given(shape):
    class Weighed(Shapes):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen.append(np.shape(sample_weight))

    model = regressor(weighted_metrics=[Weighed()])
    model.evaluate(X, Y, sample_weight=np.ones(shape), verbose=0)
    assert model.trainer.metrics[0].seen == [shape]


def nested():
    x = Input((2,))
    outputs = {"a": {"c": Dense(1, name="p")(x), "d": [Dense(1, name="q")(x)]}, "b": Dense(1, name="r")(x)}
    model = Model(x, outputs, seed=0)
    model.compile("sgd", "mse", metrics={"b": ["mae"]})
    return model


def test_losses_of_nested_outputs_are_named_by_the_way_to_them():
    history = nested().fit(X, {"a": {"c": Y, "d": [Y]}, "b": Y}, verbose=0).history
    assert sorted(history) == ["a/c_loss", "a/d/q_loss", "b_loss", "loss", "r_mae"]


def test_outputs_of_a_layer_that_is_called_twice_share_its_name():
    x, layer = Input((2,)), Dense(1, name="h")
    model = Model(x, [layer(x), layer(x * 2)], seed=0)
    assert model.output_names == ["h", "h"]
    model.compile("sgd", "mse")
    assert sorted(model.fit(X, [Y, Y], verbose=0).history) == ["h_loss", "loss"]


def test_functions_of_batches_are_made_when_they_are_needed_and_forgotten_by_compile():
    model = regressor()
    assert model.train_function is None is model.test_function
    model.fit(X, Y, verbose=0)
    assert callable(model.train_function) and model.test_function is None
    made = model.make_test_function()
    assert made is model.test_function is model.make_test_function() is not model.make_test_function(force=True)
    assert made(iter([(X, Y)])) == model.test_on_batch(X, Y, return_dict=True)
    assert np.array_equal(model.make_predict_function()(iter([(X,)])), model.predict_on_batch(X))
    model.train_function = None
    model.evaluate(X, Y, verbose=0)
    assert model.train_function is None and callable(model.test_function)
    model.compile("sgd", "mse")
    assert model.test_function is None


def test_metrics_of_compile_that_were_asked_for_before_training_show_it():
    model = regressor(metrics=["mae"])
    together = model.metrics[1]
    assert together.metrics == []
    logs = model.train_on_batch(X, Y, return_dict=True)
    assert together.result() == {"mae": logs["mae"]} and len(together.variables) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.fit(X, Y, batch_size=4, steps_per_epoch=5, verbose=0).history["loss"],
        lambda model: model.evaluate(X, Y, batch_size=4, steps=5, verbose=0),
        lambda model: model.predict(X, batch_size=4, steps=5, verbose=0),
    ],
    ids=["fit", "evaluate", "predict"],
)
def test_more_steps_than_the_data_have_are_cut_with_a_warning(call):
    with pytest.warns(TrainingWarning, match="5 steps of 4 rows were asked for, the data has 3"):
        result = call(regressor())
    assert len(result) == len(X) if isinstance(result, np.ndarray) else np.all(np.isfinite(result))


def test_what_a_step_returns_and_a_rate_that_is_not_free_are_type_errors():
    class Broken(Sequential):
        def train_step(self, data):
            return [1.0]

    model = Broken([Input((2,)), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="train_step must return a dict"):
        model.fit(X, Y, verbose=0)
    model = regressor()
    model.compile({"sgd": {"learning_rate": ExponentialDecay(0.1, 2, 0.5)}}, "mse")
    with pytest.raises(TypeError, match="already follows ExponentialDecay"):
        model.fit(X, Y, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.1)])


def test_targets_of_written_steps_have_the_type_of_the_model():
    kinds = []

    class Watched(Sequential):
        def train_step(self, data):
            kinds.append(data[1].dtype.name)
            return {"loss": 0.0}

    model = Watched([Input((2,)), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y.astype("float64"), verbose=0)
    model.compile("sgd")
    model.fit(X, Y.astype("float64"), verbose=0)
    model.fit(X, LABELS.astype("int32"), verbose=0)
    assert kinds == ["float32", "float32", "int32"]


def test_older_hooks_of_a_list_are_hooks_of_their_own():
    class Old(Callback):
        calls: tuple = ()

        def on_batch_begin(self, batch, logs=None):
            self.calls = (*self.calls, "old")

        def on_train_batch_begin(self, batch, logs=None):
            self.calls = (*self.calls, "new")

    old = Old()
    callbacks = CallbackList([old])
    callbacks.on_batch_begin(0)
    callbacks.on_train_batch_begin(0)
    assert old.calls == ("old", "new")


def test_a_lambda_callback_keeps_other_arguments():
    assert LambdaCallback(label=3).label == 3
    with pytest.raises(ConfigError, match="on_test_end"):
        LambdaCallback(on_test_end=3)


def test_a_subclass_of_early_stopping_computes_what_it_monitors():
    class Constant(EarlyStopping):
        def get_monitor_value(self, logs):
            return 1.0

    assert regressor().fit(X, Y, epochs=5, verbose=0, callbacks=[Constant(patience=1)]).epoch == [0, 1]


def test_a_dataset_that_forgets_its_base_is_told_so():
    class Forgetful(PyDataset):
        def __init__(self):
            self.parts = X, Y

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return self.parts

    with pytest.warns(UserWarning, match="Forgetful does not call super"):
        regressor().fit(Forgetful(), verbose=0)
    with pytest.raises(TypeError, match="must define __len__"):
        len(PyDataset())


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], np.eye(3)[LABELS]], ids=["numbers", "column", "shares"])
def test_weights_of_classes_for_a_loss_that_knows_none(labels):
    def distance(y_true, y_pred):
        return ops.mean(ops.square(y_pred), axis=-1)

    weights = {0: 1.0, 2: 5.0}
    rows = np.array([1.0, 1.0, 5.0])[LABELS]
    model, expected = classifier(distance), classifier(distance)
    history = model.fit(X, labels, class_weight=weights, verbose=0).history
    assert history == expected.fit(X, labels, sample_weight=rows, verbose=0).history
    for numbers in (Y, np.ones((12, 3)), 2 * (LABELS > 0) - 1):
        with pytest.raises(ConfigError, match=r"needs targets that are class .* FunctionLoss are other numbers"):
            model.fit(X, numbers, class_weight=weights, verbose=0)


def test_weights_of_many_classes_take_no_square_matrix():
    targets = np.zeros((4, 4000), np.float32)
    targets[range(4), [7, 8, 9, 7]] = 1
    model = Sequential([Input((2,)), Dense(4000)], seed=0)
    model.compile("sgd", "mse")
    tracemalloc.start()
    try:
        _, weights = prepared_targets(model.trainer, (None, 4000), X[:4], targets, None, {7: 2.0})
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert weights.tolist() == [2, 1, 1, 2]


def test_weights_of_rows_in_a_list_of_one():
    weights = np.arange(12.0)
    assert regressor().evaluate(X, Y, sample_weight=[weights], verbose=0) == regressor().evaluate(
        X, Y, sample_weight=weights, verbose=0
    )


def test_flags_of_compile():
    model = regressor(run_eagerly=None, jit_compile=None)
    assert model.run_eagerly is None and model.jit_compile is False
    assert not regressor(run_eagerly=True, jit_compile=True).jit_compile


def test_a_list_of_callbacks_takes_another_one_and_another_model():
    class Told(Callback):
        epochs: tuple = ()

        def on_epoch_end(self, epoch, logs=None):
            self.epochs = (*self.epochs, epoch)

    first, second = Told(), Told()
    callbacks = CallbackList([first], epochs=3)
    callbacks.on_epoch_end(0)
    model = regressor()
    callbacks.set_model(model)
    callbacks.append(second)
    callbacks.on_epoch_end(1)
    assert (first.epochs, second.epochs, callbacks.callbacks) == ((0, 1), (1,), [first, second])
    assert first.model is model and second.model is model
    assert second.params == {"epochs": 3}
