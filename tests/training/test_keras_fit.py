"""fit, evaluate and predict as in Keras 3: names in logs, parts of the data, flags of callbacks, what `loss` holds."""

import itertools
import warnings

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, ops
from nnlite.callbacks import Callback, CallbackList, CSVLogger, EarlyStopping, ReduceLROnPlateau
from nnlite.errors import ConfigError, DataError, TrainingWarning, WrongTypeError
from nnlite.layers import Dense
from nnlite.losses import Huber, MeanSquaredError
from nnlite.metrics import MeanSquaredError as MeanSquaredErrorMetric, Metric
from nnlite.tree import map_structure
from nnlite.utils import PyDataset

X = np.arange(24.0).reshape(12, 2) / 24
Y = X.sum(-1, keepdims=True)


class Forked(Model):
    """Two outputs, in a tuple or in a dict."""

    def __init__(self, named=False):
        super().__init__(seed=0)
        self.one, self.two, self.named = Dense(1), Dense(1), named

    def call(self, x):
        outputs = self.one(x), self.two(x)
        return dict(zip("pq", outputs, strict=True)) if self.named else outputs


class Batches(PyDataset):
    """Three batches of four rows; which were asked for."""

    def __init__(self):
        super().__init__()
        self.asked, self.told = [], []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.asked.append(index)
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]

    def on_epoch_end(self):
        self.told.append(len(self.asked))


class Ends(Callback):
    """Ends what runs after its second batch; keeps the parameters of the run."""

    def on_test_batch_end(self, batch, logs=None):
        self.model.stop_evaluating = batch == 1

    def on_predict_batch_end(self, batch, logs=None):
        self.model.stop_predicting = batch == 1


def chain(**options):
    model = Sequential([Input((2,)), Dense(1, name="end")], seed=0)
    model.compile("sgd", "mse", **options)
    return model


@pytest.mark.parametrize(
    ("loss", "metrics", "names"),
    [
        (["mse", "mae"], [["mae"], ["mse"]], ["mae", "mse", "mse_loss", "mae_loss"]),
        ("mse", None, ["mse_loss"]),
        (["mse", Huber(name="h")], [["mae"], ["mae", "mse"]], ["mae", "mae_1", "mse", "mse_loss", "h_loss"]),
        (["mse", None], [["mae"], None], ["mae"]),
    ],
)
def test_outputs_without_names_have_logs_by_the_names_of_losses_and_metrics(loss, metrics, names):
    model = Forked()
    model.compile("sgd", loss, metrics)
    assert list(model.fit(X, (Y, Y), verbose=0).history) == sorted(["loss", *names])
    assert len(model.evaluate(X, (Y, Y), verbose=0)) == 1 + len(names)


def test_outputs_with_names_have_logs_by_these():
    model = Forked(named=True)
    model.compile("sgd", {"p": "mse", "q": "mae"}, {"p": ["mae", "mae"]})
    assert list(model.fit(X, {"p": Y, "q": Y}, verbose=0).history) == ["loss", "p_loss", "p_mae", "p_mae_1", "q_loss"]
    model.compile("sgd", {"q": "mse", "p": "mae"}, {"p": ["mae"]}, {"p": ["mae"]})
    names = ["loss", "p_loss", "p_mae", "p_weighted_mae", "q_loss"]
    assert list(model.evaluate(X, {"p": Y, "q": Y}, verbose=0, return_dict=True)) == names


def test_the_loss_of_a_model_is_what_compile_was_given():
    model = chain()
    assert model.loss == "mse" and isinstance(model.trainer.loss, MeanSquaredError)
    given = Huber()
    model.compile("sgd", given)
    assert model.loss is given
    with pytest.raises(ConfigError):
        model.compile("sgd", "nothing")
    assert model.loss is given
    model.compile("sgd", {"end": "mse"})
    assert model.loss == {"end": "mse"}


@pytest.mark.parametrize(("split", "held"), [(0.25, 3), (0.3, 4), (0.01, 1), (0.9, 10 + 1)])
def test_without_shuffling_the_last_rows_are_those_of_the_validation(split, held):
    model = chain()
    history = model.fit(X, Y, validation_split=split, shuffle=False, verbose=0).history
    assert history["val_loss"][0] == pytest.approx(model.evaluate(X[-held:], Y[-held:], verbose=0), rel=1e-5)
    beside = chain()
    assert beside.fit(X[:-held], Y[:-held], shuffle=False, verbose=0).history["loss"] == history["loss"]


def test_class_weights_are_for_training_alone():
    options = {"validation_split": 0.25, "shuffle": False, "verbose": 0}
    losses = []
    for further in ({}, {"class_weight": {0: 0.0, 1: 0.0}}):  # which leave the model as it was
        model = Sequential([Input((2,)), Dense(1, activation="sigmoid")], seed=0)
        model.compile({"SGD": {"learning_rate": 1e-9}}, "binary_crossentropy")
        losses.append(model.fit(X, Y > 1, **options, **further).history)
    assert losses[0]["val_loss"] == pytest.approx(losses[1]["val_loss"], rel=1e-6) and losses[1]["loss"] == [0.0]


def test_epochs_of_a_few_batches_go_on_where_the_one_before_stopped():
    batches = Batches()
    with pytest.warns(TrainingWarning, match="2 batches expected, got 1"):
        chain().fit(batches, epochs=3, steps_per_epoch=2, shuffle=False, verbose=0)
    assert batches.asked == [0, 0, 1, 2, 0, 1]  # the first to know the shapes
    assert batches.told == [3, 4, 6]
    batches = Batches()
    chain().fit(X, Y, validation_data=batches, validation_steps=2, epochs=2, verbose=0)
    assert batches.asked == [0, 0, 1, 0, 1]  # a validation begins from the start


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_interrupted_training_goes_on_with_the_batches_that_were_left(tmp_path, shuffle):
    options = {"steps_per_epoch": 2, "shuffle": shuffle, "verbose": 0}
    options["callbacks"] = [{"Checkpoints": {"folder": str(tmp_path)}}]
    with pytest.warns(TrainingWarning):
        whole = chain().fit(Batches(), epochs=5, **{**options, "callbacks": None}).history["loss"]
        chain().fit(Batches(), epochs=3, **options)
        resumed = chain().fit(Batches(), epochs=5, **options, resume=tmp_path).history["loss"]
    assert resumed == whole


def test_an_order_within_batches_leaves_the_steps_as_they_are():
    plain, mixed, ordered, drawn = chain(), chain(), Batches(), Batches()
    kept = plain.fit(X, Y, batch_size=4, epochs=2, shuffle=False, validation_split=0.25, verbose=0).history
    assert mixed.fit(X, Y, batch_size=4, epochs=2, shuffle="batch", validation_split=0.25, verbose=0).history == kept
    chain().fit(ordered, epochs=4, shuffle=False, verbose=0)
    chain().fit(drawn, epochs=4, shuffle="batch", verbose=0)
    assert drawn.asked != ordered.asked
    with pytest.raises(ConfigError, match="expected true, false or batch, got 'rows'"):
        chain().fit(X, Y, shuffle="rows", verbose=0)


def test_a_generator_that_ends_early_is_told():
    def batches(count):
        yield from ((X[:4], Y[:4]) for _ in range(count))

    with pytest.warns(TrainingWarning, match="the data ran out: 2 batches expected, got 1"):
        history = chain().fit(batches(3), epochs=2, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0, 1]
    with pytest.raises(DataError, match="iterable of batches is empty"):
        chain().fit(batches(0), epochs=2, steps_per_epoch=2, verbose=0)


@pytest.mark.parametrize("options", [{"steps_per_epoch": 2}, {}])
def test_a_generator_that_has_nothing_left_for_a_later_epoch_ends_the_training(options):
    begun = chain().fit(([X[:4], Y[:4]] for _ in range(2)), epochs=1, verbose=0, **options)
    with pytest.warns(TrainingWarning, match="got 0; .* training ends after epoch 1") as told:
        ended = chain().fit(([X[:4], Y[:4]] for _ in range(2)), epochs=3, verbose=0, **options)
    assert (ended.epoch, ended.history) == ([0], begun.history)
    assert [one.filename for one in told] == [__file__]


def test_layers_frozen_after_a_training_are_told_until_compile():
    model = Sequential([Input((2,)), Dense(2), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    with pytest.warns(TrainingWarning, match="has changed since compile.* call compile.* again") as told:
        model.fit(X, Y, verbose=0)
    assert [one.filename for one in told] == [__file__]
    model.compile("sgd", "mse")
    kept = model.layers[0].get_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], kept[0])


def test_callbacks_end_evaluate_and_predict():
    model, ends = chain(), Ends()
    part = model.evaluate(X[:8], Y[:8], verbose=0)
    assert model.evaluate(X, Y, batch_size=4, callbacks=[ends], verbose=0) == pytest.approx(part, rel=1e-6)
    assert ends.params == {"verbose": 0, "epochs": 1, "steps": 3}
    assert model.predict(X, batch_size=4, callbacks=[ends], verbose=0).shape == (8, 1)
    assert model.predict(X, batch_size=4, verbose=0).shape == (12, 1)
    assert model.fit(X, Y, batch_size=4, callbacks=[Ends()], validation_data=(X, Y), verbose=0).params == {
        "verbose": 0,
        "epochs": 1,
        "steps": 3,
    }


def test_predict_step_may_return_a_dict():
    class Named(Forked):
        def predict_step(self, data):
            first, second = self(data)
            return {"first": first, "both": (first, second)}

    outputs = Named().predict(X, batch_size=5, verbose=0)
    assert outputs["first"].shape == outputs["both"][1].shape == (12, 1)
    assert np.array_equal(outputs["first"], outputs["both"][0])


def test_attributes_of_callbacks():
    assert EarlyStopping("loss").monitor_op(1, 2) and not EarlyStopping("loss").monitor_op(2, 1)
    assert EarlyStopping("accuracy").monitor_op(2, 1) and EarlyStopping("x", mode="max").monitor_op(2, 1)
    plateau = ReduceLROnPlateau("loss", cooldown=2)
    assert (plateau.wait, plateau.cooldown_counter, plateau.in_cooldown()) == (0, 0, False)
    assert CSVLogger("log.csv", separator=";").sep == ";"
    seen = []
    callback = Callback()
    callback.on_batch_end = lambda batch, logs=None: seen.append((batch, logs))
    CallbackList([callback]).on_batch_end(3, {"loss": 1.0})
    assert seen == [(3, {"loss": 1.0})]


def test_validation_data_are_taken_in_place_of_a_split():
    chosen = chain().fit(X, Y, validation_split=0.5, validation_data=(X[:3], Y[:3]), verbose=0).history
    assert chosen == chain().fit(X, Y, validation_data=(X[:3], Y[:3]), verbose=0).history


def test_functions_are_logged_as_keras_spells_them():
    def BiasOfAll(y_true, y_pred):
        return ops.mean(y_pred - y_true)

    network = chain()
    network.compile("sgd", "mse", metrics=[BiasOfAll, lambda y_true, y_pred: y_pred - y_true])
    logs = network.fit(X, Y, verbose=0).history
    assert {"loss", "bias_of_all", "lambda"} == set(logs)
    assert logs["bias_of_all"] == pytest.approx(logs["lambda"])


def test_a_generator_gives_the_same_validation_batches_in_each_epoch():
    def numbered(end=None):
        for number in itertools.islice(itertools.count(), end):
            yield np.full((2, 2), float(number)), np.zeros((2, 1))

    model = chain()
    model.set_weights([[[0.5], [0.5]], [0.0]])
    model.compile({"sgd": {"learning_rate": 0.0}}, "mae")
    for source, steps in ((numbered(), 3), (numbered(3), None)):
        logs = model.fit(X, Y, epochs=3, validation_data=source, validation_steps=steps, verbose=0).history
        assert logs["val_loss"] == [1.0, 1.0, 1.0]


def test_a_generator_may_fill_the_same_arrays_for_each_validation_batch():
    def filled():
        x, y = np.empty((2, 2)), np.zeros((2, 1))
        for number in range(3):
            x[:] = number
            yield x, y

    model = chain()
    model.set_weights([[[0.5], [0.5]], [0.0]])
    model.compile({"sgd": {"learning_rate": 0.0}}, "mae")
    assert model.fit(X, Y, epochs=2, validation_data=filled(), verbose=0).history["val_loss"] == [1.0, 1.0]


def test_a_batch_is_predicted_by_predict_step():
    class Rounded(Forked):
        def predict_step(self, data):
            return {"sum": ops.round(sum(super().predict_step(data)), 1)}

    model = Rounded()
    assert np.array_equal(model.predict_on_batch(X)["sum"], model.predict(X, verbose=0)["sum"])


def test_a_metric_may_have_several_results():
    class Extremes(Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen = [*self.seen, *np.ravel(y_pred)]

        def result(self):
            return {"least": min(self.seen), "most": max(self.seen)}

        def reset_state(self):
            self.seen = []

    model = chain(metrics=[Extremes()])
    stopping = EarlyStopping("val_most", mode="min", patience=9)
    logs = model.fit(X, Y, validation_data=(X, Y), callbacks=[stopping], verbose=0).history
    assert list(logs) == ["least", "loss", "most", "val_least", "val_loss", "val_most"]
    predicted = model.predict(X, verbose=0)
    assert logs["val_most"] == [pytest.approx(predicted.max())]
    assert model.evaluate(X, Y, verbose=0)[1:] == pytest.approx([predicted.min(), predicted.max()])


def test_a_training_that_is_stopped_at_its_beginning_has_one_batch():
    class Stopped(Callback):
        def on_train_begin(self, logs=None):
            self.model.stop_training = True

    model = chain()
    assert model.fit(X, Y, batch_size=4, epochs=3, callbacks=[Stopped()], verbose=0).epoch == [0]
    assert model.optimizer.iterations == 1


def test_what_a_class_resets_with_the_metrics():
    class Counting(Forked):
        resets = 0

        def reset_metrics(self):
            self.resets += 1
            super().reset_metrics()

    model = Counting()
    model.compile("sgd", "mse")
    model.fit(X, (Y, Y), epochs=3, verbose=0)
    assert model.resets == 3


def test_the_loss_outside_a_step_has_the_penalties():
    model = Sequential([Input((2,)), Dense(1, kernel_regularizer="l2", activity_regularizer="l1")], seed=0)
    model.compile("sgd", "mse")
    loss = model.compute_loss(y=Y, y_pred=model(X))
    assert loss.shape == () and loss == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_averages_of_a_fit_are_put_by_name_of_the_variables():
    model = chain()
    model.compile({"sgd": {"use_ema": True, "ema_momentum": 0.5}}, "mse")
    model.fit(X, Y, verbose=0)
    averages = model.get_weights()
    model.set_weights([weight + 1 for weight in averages])
    model.optimizer.finalize_variable_values(model.trainable_variables)
    assert all(map(np.array_equal, model.get_weights(), averages))


def test_a_loss_that_the_trainer_is_given_is_that_of_the_model():
    model = chain()
    model.trainer.loss = Huber(0.5)
    assert isinstance(model.loss, Huber) and model.get_compile_config()["loss"]["class_name"] == "Huber"
    model.loss = "mae"
    assert model.loss == "mae" and type(model.trainer.loss).__name__ == "MeanAbsoluteError"


def test_weights_in_a_column_come_to_a_step_as_such():
    class Weighing(Forked):
        def call(self, x):
            return self.one(x)

        def test_step(self, data):
            x, y, weights = data
            return {"weighted": ops.mean(weights * ops.abs(y - self(x)))}

    model, weights = Weighing(), np.linspace(0.5, 2.0, 12)
    model.compile("sgd", "mse")
    model.fit(X, Y, sample_weight=weights[:, None], verbose=0)
    errors = np.abs(Y - model.predict(X, verbose=0))
    weighted = model.evaluate(X, Y, sample_weight=weights[:, None], verbose=0)
    assert weighted == pytest.approx(np.mean(weights[:, None] * errors))


class Judges(Model):
    """A model with an `evaluate` of its own, which adds a figure."""

    def __init__(self):
        super().__init__(seed=0)
        self.inner, self.given = Dense(1), []

    def call(self, x):
        return self.inner(x)

    def evaluate(self, *args, **options):
        self.given.append({name: value for name, value in options.items() if name in ("x", "y", "sample_weight")})
        return {**super().evaluate(*args, **options), "count": len(self.given)}


class TestOverriddenEvaluate:
    def fit(self, **options):
        model = Judges()
        model.compile("sgd", "mse")
        return model, model.fit(X, Y, epochs=2, verbose=0, **options).history

    def test_validation_calls_it(self):
        model, logs = self.fit(validation_data=(X[:5], Y[:5]))
        assert logs["val_count"] == [1, 2]
        assert logs["val_loss"][-1] == pytest.approx(np.mean((model.predict(X[:5], verbose=0) - Y[:5]) ** 2))
        assert all(np.array_equal(one["x"], X[:5]) and np.array_equal(one["y"], Y[:5]) for one in model.given)

    @pytest.mark.parametrize("batches", [lambda: [(X[:5], Y[:5])], lambda: iter([(X[:5], Y[:5])])])
    def test_batches_serve_each_epoch(self, batches):
        arrays, of_batches = (self.fit(validation_data=data)[1]["val_loss"] for data in ((X[:5], Y[:5]), batches()))
        assert of_batches == pytest.approx(arrays)

    def test_held_out_rows(self):
        model, logs = self.fit(validation_split=0.25, shuffle=False)
        assert np.array_equal(model.given[0]["x"], X[9:].astype("float32"))
        assert logs["val_count"] == [1, 2]

    def test_what_it_adds_may_be_monitored(self):
        stop = EarlyStopping("val_count", mode="min", patience=1)
        assert len(self.fit(validation_data=(X, Y), callbacks=[stop])[1]["loss"]) == 2

    def test_other_data_are_refused(self):
        with pytest.raises(DataError, match=r"\(x, y\), \(x, y, sample_weight\)"):
            self.fit(validation_data=X)

    def test_callbacks_keep_the_parameters_of_the_training(self):
        seen = []

        class Reads(Callback):
            def on_test_begin(self, logs=None):
                seen.append(self.params["epochs"])

        self.fit(validation_data=(X, Y), callbacks=[Reads()])
        assert seen == [2, 2]


def test_callbacks_cannot_change_what_evaluate_returns():
    class Adds(Callback):
        def on_test_end(self, logs=None):
            logs["more"] = 1.0

    model = Sequential([Input((2,)), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    assert list(model.evaluate(X, Y, verbose=0, callbacks=[Adds()], return_dict=True)) == ["loss"]


class TestNamesOfOutputs:
    """Arguments of `compile` by names that no output has."""

    @pytest.mark.parametrize(
        ("what", "argument"),
        [
            ("loss", {"regg": "mse", "other": "mse"}),
            ("metrics", {"regg": "mae"}),
            ("metrics", {"regg": ["mae"]}),
            ("weighted_metrics", {"regg": ["mae"]}),
            ("loss_weights", {"regg": 2.0}),
        ],
    )
    def test_the_message_has_the_names_that_there_are(self, what, argument):
        inputs = Input((2,))
        options = {"loss": "mse", what: argument}
        one, two = Dense(1, name="one")(inputs), Dense(1, name="two")(inputs)
        with pytest.raises(ConfigError, match=r"names 'regg'.*; the output is 'one'$"):
            Model(inputs, one).compile("sgd", **options)
        with pytest.raises(ConfigError, match=r"names '(regg|other)'; the outputs are one, two$"):
            Model(inputs, [one, two]).compile("sgd", **options)

    def test_a_spec_is_no_name(self):
        inputs = Input((2,))
        model = Model(inputs, [Dense(1)(inputs), Dense(1)(inputs)])
        model.compile("sgd", {"Huber": {"delta": 2.0}}, metrics=[[{"MeanAbsoluteError": {}}], []])
        assert isinstance(model.trainer.loss.losses[1], Huber)


class Hooks(Callback):
    """Keeps the numbers of the batches at which hooks are called, and the rows that predictions have there."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(batch)

    on_test_batch_begin = on_predict_batch_begin = on_train_batch_begin

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(-batch)

    on_test_batch_end = on_train_batch_end

    def on_predict_batch_end(self, batch, logs=None):
        self.calls.append((-batch, len(logs["outputs"])))


class TestStepsPerExecution:
    """Hooks of batches frame as many steps as `compile` was told; the last few may be fewer."""

    def model(self):
        model = Sequential([Dense(1)], seed=0)
        model.compile("sgd", "mse", steps_per_execution=2)
        return model

    def test_fit(self):
        hooks, model = Hooks(), self.model()
        model.fit(X, Y, batch_size=4, verbose=0, callbacks=[hooks])
        assert hooks.calls == [0, -1, 2, -2] and model.optimizer.iterations == 3

    def test_evaluate(self):
        hooks = Hooks()
        self.model().evaluate(X, Y, batch_size=3, verbose=0, callbacks=[hooks])
        assert hooks.calls == [0, -1, 2, -3]

    def test_predictions_are_of_all_rows_since_the_last_call(self):
        hooks = Hooks()
        self.model().predict(X, batch_size=5, verbose=0, callbacks=[hooks])
        assert hooks.calls == [0, (-1, 10), 2, (-2, 2)]


def test_the_steps_of_a_generator_are_known_to_the_bar_alone(capsys):
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    history = model.fit(((X, Y) for _ in range(3)), verbose=2)
    assert history.params["steps"] is None and capsys.readouterr().out.startswith("3/3")


def test_an_array_that_is_two_outputs_has_two_losses():
    x = Input((2,))
    model = Model(x, {"a": (one := Dense(1, name="one")(x)), "b": [one, Dense(1, name="two")(x)]}, seed=0)
    model.compile("sgd", "mse")
    history = model.fit(X, {"a": Y, "b": [Y + 1, Y]}, verbose=0).history
    assert list(history) == ["a_loss", "b/one_loss", "b/two_loss", "loss"]
    assert history["a_loss"] != history["b/one_loss"]


class TestMetricsBeforeAnyTraining:
    """The results of `compile`'s metrics need data; `compute_metrics` may be what shows them the first."""

    def model(self):
        model = Forked()
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    def test_there_are_none(self):
        with pytest.raises(ValueError, match="have seen no data yet"):
            self.model().get_metrics_result()

    def test_of_a_model_that_is_not_built(self):
        model = Sequential([Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        assert model.compute_metrics(X, Y, Y + 0.5) == pytest.approx({"loss": 0.0, "mae": 0.5})


def test_several_binary_labels_are_judged_by_the_largest_as_in_keras():
    model = Sequential([Input((2,)), Dense(2, "sigmoid", kernel_initializer="identity")], seed=0)
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    with pytest.warns(TrainingWarning, match=r"BinaryAccuracy\(threshold=0.5\)"):
        assert model.evaluate([[2.0, 1.0], [1.0, 2.0]], [[1, 1], [1, 0]], verbose=0)[1] == 0.5


class PartsToPredict(Model):
    """Returns a dict of one array and of a list; its predictions are what `select` makes of that."""

    def __init__(self, select):
        super().__init__(seed=0)
        self.dense, self.select = Dense(1), select

    def call(self, x):
        return {"a": self.dense(x), "b": [self.dense(x), x]}

    def predict_step(self, data):
        return self.select(super().predict_step(data))


def shapes_of(outputs):
    """The shapes of nested outputs, which are plain arrays."""
    return map_structure(lambda array: type(array) is np.ndarray and array.shape, outputs)


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (lambda outputs: outputs, {"a": (12, 1), "b": [(12, 1), (12, 2)]}),
        (lambda outputs: outputs["a"], (12, 1)),
        (lambda outputs: outputs["b"], [(12, 1), (12, 2)]),
        (lambda outputs: (outputs["a"], {"b": outputs["b"][1]}), ((12, 1), {"b": (12, 2)})),
    ],
)
def test_predictions_have_the_form_that_predict_step_gives_them(select, expected):
    model = PartsToPredict(select)
    assert shapes_of(model.predict(X, batch_size=5, verbose=0)) == expected
    assert shapes_of(model.predict_on_batch(X)) == expected


def test_callbacks_get_predictions_in_the_form_that_users_get():
    class Kept(Callback):
        def on_predict_batch_end(self, batch, logs=None):
            forms.append(shapes_of(logs["outputs"]))

    class ByName(Forked):
        def call(self, x):
            return {"a": x, "b": [x, x]}

    forms: list = []
    ByName().predict(X, batch_size=8, verbose=0, callbacks=[Kept()])
    assert forms == [{"a": (rows, 2), "b": [(rows, 2), (rows, 2)]} for rows in (8, 4)]


def test_predictions_of_a_batch_are_plain_arrays():
    assert shapes_of(Forked().predict_on_batch(X)) == ((12, 1), (12, 1))
    assert shapes_of(Sequential([Dense(1)]).predict_on_batch(np.ones((300, 2)))) == (300, 1)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("fit", {"epoch": 3}, "fit: unknown argument 'epoch'; did you mean 'epochs'?"),
        ("evaluate", {"x": X, "nope": 1}, "evaluate: unknown argument 'nope'; Allowed: batch_size"),
        ("compile", {"optimiser": "adam"}, "compile: unknown argument 'optimiser'; did you mean 'optimizer'?"),
        ("jacobian", {"inputs": X}, "jacobian: unknown argument 'inputs'"),
    ],
)
def test_methods_of_models_name_arguments_that_they_do_not_have(method, arguments, message):
    with pytest.raises(WrongTypeError) as caught:
        getattr(Sequential([Dense(1)]), method)(**arguments)
    assert message in str(caught.value)


def test_a_metric_that_was_given_has_the_result():
    given, twice = MeanSquaredErrorMetric(name="gap"), MeanSquaredErrorMetric(name="twice")
    model = Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse", metrics=[given, twice, twice])
    found = model.evaluate(X, X[:, :1] + 1, verbose=0, return_dict=True)
    assert given.result() == found["gap"] > 0
    assert {*found} == {"gap", "loss", "twice", "twice_1"} and found["twice"] == found["twice_1"] == found["gap"]
    inputs = Input((2,))
    forked = Model(inputs, [Dense(1, name="p")(inputs), Dense(1, name="q")(inputs)], seed=0)
    forked.compile("sgd", "mse", metrics=[[given], [given]])
    found = forked.evaluate(X, [X[:, :1], X[:, :1] + 1], verbose=0, return_dict=True)
    assert given.result() == found["p_gap"] != found["q_gap"]
