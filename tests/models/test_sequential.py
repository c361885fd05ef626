"""Sequential, as users of Keras 3 know it."""

import copy
import itertools
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.callbacks import Callback, History, LambdaCallback
from nnlite.config import set_floatx
from nnlite.errors import NotReadyError
from nnlite.jacobians import Identity, Jacobians
from nnlite.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    Normalization,
    Softmax,
)
from nnlite.losses import BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from nnlite.models import load_model
from nnlite.optimizers import SGD, Adam

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 3)).astype(np.float32)
T = RANDOM.normal(size=(50, 2)).astype(np.float32)
CLASSES = np.arange(50) % 3
SPARSE = "sparse_categorical_crossentropy"
ROWS = np.arange(1.0, 51.0)[:, None]  # one feature: the number of the row, from 1


class RecorderOfRows(Layer):
    """Passes data through and keeps the rows of `ROWS` it has seen, from 0, apart for training and testing."""

    def __post_init__(self):
        super().__post_init__()
        self.seen = {True: [], False: []}

    def linearize(self, inputs, training=False):
        self.seen[training].append(inputs[:, 0].astype(int))
        return inputs, Jacobians(Identity(inputs.shape))

    def rows(self, training):
        return [row - 1 for row in np.concatenate(self.seen[training]).tolist() if row]  # zeros are a trial run


def regression(*layers, optimizer="adam", seed=0, **options):
    model = Sequential(list(layers) or [Dense(4, activation="tanh"), Dense(2)], seed=seed)
    model.compile(optimizer, "mse", **options)
    return model


def classifier(loss=SPARSE, units=3, activation="softmax", optimizer="adam", seed=0, **options):
    model = Sequential([Dense(4, activation="tanh"), Dense(units, activation=activation)], seed=seed)
    model.compile(optimizer, loss, **options)
    return model


def everything(seed=0):
    """A model with state, randomness, regularizers and slots."""
    layers = [
        Dense(6, activation="relu", kernel_regularizer="l2"),
        BatchNormalization(),
        Dropout(0.3),
        Dense(3, activation="softmax"),
    ]
    model = Sequential(layers, seed=seed)
    model.compile({"Adam": {"learning_rate": 0.01}}, SPARSE, ["accuracy"])
    return model


def fit(model, x=X, y=T, **options):
    return model.fit(x, y, verbose=0, **options).history


def same_weights(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


# ---------------------------------------------------------------- layers, shapes, names


def test_input_builds_at_once_and_is_no_layer():
    model = Sequential([Input((3,)), Dense(4), Dense(2)])
    assert model.built and (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]
    assert model.count_params() == 3 * 4 + 4 + 4 * 2 + 2


def test_without_input_the_data_builds():
    model = regression()
    assert not model.built
    with pytest.raises(NotReadyError, match="add an Input, or call build"):
        model.count_params()
    with pytest.raises(NotReadyError, match="add an Input, or call build"):
        model.save_weights("nowhere.safetensors")
    fit(model)
    assert model.input_shape == (None, 3)
    other = Sequential([Dense(2)])
    other.build((None, 5))
    assert other.layers[0].kernel.shape == (5, 2)


def test_layers_by_name_and_by_spec():
    model = Sequential(["Flatten", {"Dense": {"units": 2, "activation": "relu"}}, Dropout(0.1)])
    assert [type(layer) for layer in model.layers] == [Flatten, Dense, Dropout]


def test_add_and_pop_keep_the_other_layers_weights():
    model = Sequential([Input((3,)), Dense(4)], seed=0)
    kernel = model.layers[0].kernel.value.copy()
    model.add(Dense(2))
    assert model.output_shape == (None, 2) and len(model.weights) == 4
    removed = model.pop()
    assert removed.name == "dense_1" and model.output_shape == (None, 4) and len(model.weights) == 2
    np.testing.assert_array_equal(model.layers[0].kernel.value, kernel)


def test_add_and_pop_after_training():
    model = regression()
    fit(model)
    model.pop()
    model.add(Dense(2, name="fresh"))
    before = model.get_weights()
    model.compile("adam", "mse")
    fit(model)
    assert not any(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))


def test_weights_by_layer_and_trainable_first_within():
    model = Sequential([Input((3,)), BatchNormalization(), Dense(2)])
    names = ["gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias"]
    assert [weight.name for weight in model.weights] == names
    assert [weight.name for weight in model.trainable_weights] == ["gamma", "beta", "kernel", "bias"]
    assert [weight.shape for weight in model.weights] == [value.shape for value in model.get_weights()]


def test_get_and_set_weights_copy():
    first, second = (Sequential([Input((3,)), Dense(2)], seed=seed) for seed in (0, 1))
    values = first.get_weights()
    second.set_weights(values)
    assert same_weights(first, second)
    values[0][:] = 7
    assert first.layers[0].kernel.value.max() < 7 and second.layers[0].kernel.value.max() < 7


def test_get_layer():
    model = Sequential([Dense(1, name="first"), Dense(2)])
    assert model.get_layer("first") is model.get_layer(index=0) is model.layers[0]
    assert model.get_layer(index=-1) is model.layers[1]


def test_summary():
    printed = []
    Sequential([Input((3,)), Dense(400), BatchNormalization()], name="mine").summary(print_fn=printed.append)
    text = "\n".join(printed)
    assert text.startswith('Model: "mine"\n┏━') and {len(line) for line in text.split("\n")[1:-3]} == {76}
    assert re.search(r"│ dense \(Dense\) +│ \(None, 400\) +│ +1,600 │\n", text)
    assert text.split("\n")[-3:] == [
        " Total params: 3,200 (12.50 KB)",
        " Trainable params: 2,400 (9.38 KB)",
        " Non-trainable params: 800 (3.12 KB)",
    ]
    Sequential([Dense(400)]).summary(print_fn=printed.append)
    assert re.search(r"│ dense \(Dense\) +│ \? +│ +0 \(unbuilt\) │", printed[-1])
    assert re.search(r"Dense\) +\(None, 400\) +1,600\n", repr(Sequential([Input((3,)), Dense(400)])))


def test_a_summary_tells_what_the_optimizer_keeps(capsys):
    model = Sequential([Input((3,)), Dense(4)])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 4)), verbose=0)
    model.summary()
    assert capsys.readouterr().out.split("\n")[-5:-1] == [
        *(" Total params: 50 (200.00 B)", " Trainable params: 16 (64.00 B)", " Non-trainable params: 0 (0.00 B)"),
        " Optimizer params: 34 (136.00 B)",
    ]


def test_a_terminal_without_frames_gets_the_plain_table(monkeypatch, capsys):
    written = []

    def printing(text):
        if not text.isascii():
            raise UnicodeEncodeError("ascii", text, 0, 1, "ordinal not in range")
        written.append(text)

    model = Sequential([Input((3,)), Dense(4)])
    model.summary(print_fn=printing)
    monkeypatch.setattr("builtins.print", printing)
    model.summary()
    assert len(written) == 2 and all(text.startswith(f"Model: {model.name}\nLayer") for text in written)


def test_config_round_trip():
    model = Sequential([Dense(4, kernel_regularizer={"L2": {"l2": 0.5}}), Sequential([Dropout(0.2)])], seed=3)
    again = Sequential.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    assert again.layers[0].kernel_regularizer.l2 == 0.5 and again.layers[1].layers[0].rate == 0.2
    assert all(one is not other for one, other in zip(model.layers, again.layers, strict=True))


def test_a_model_inside_a_model_is_trained_along():
    inner = Sequential([Dense(4, activation="tanh"), BatchNormalization()])
    model = regression(inner, Dense(2))
    fit(model)
    assert len(model.weights) == 8
    flat = regression(Dense(4, activation="tanh"), BatchNormalization(), Dense(2))
    flat.build((None, 3))
    other = regression(Sequential([Dense(4, activation="tanh"), BatchNormalization()]), Dense(2))
    other.build((None, 3))
    other.set_weights(flat.get_weights())
    histories = [fit(model, shuffle=False, epochs=3)["loss"] for model in (flat, other)]
    assert histories[0] == pytest.approx(histories[1], rel=1e-6)  # layers in a row run together where they are flat
    for one, same in zip(flat.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------- training is what it says


def test_fit_without_shuffle_is_train_on_batch_over_slices():
    first, second = regression(), regression()
    history = fit(first, epochs=2, batch_size=20, shuffle=False)
    for _ in range(2):
        losses = [second.train_on_batch(X[start : start + 20], T[start : start + 20]) for start in (0, 20, 40)]
    assert same_weights(first, second)
    assert history["loss"][-1] == pytest.approx(np.average(losses, weights=[20, 20, 10]), rel=1e-6)


def test_one_step_of_gradient_descent_by_hand():
    model = regression(Dense(2), optimizer={"SGD": {"learning_rate": 0.1}})
    model.build((None, 3))
    kernel, bias = model.get_weights()
    error = X @ kernel + bias - T
    assert model.train_on_batch(X, T) == pytest.approx(np.mean(error**2), rel=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * X.T @ error * 2 / error.size, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias - 0.1 * error.sum(axis=0) * 2 / error.size, rtol=1e-5)


def numeric_gradients(model, x, y, sample_weight=None, step=1e-5):
    """Central differences of what `evaluate` returns, by every trainable weight."""
    found = []
    for weight in model.trainable_weights:
        gradient = np.empty(weight.shape)
        for place in np.ndindex(weight.shape):
            kept = weight.value[place]
            losses = []
            for shift in (step, -step):
                weight.value[place] = kept + shift
                losses.append(model.evaluate(x, y, batch_size=len(x), sample_weight=sample_weight, verbose=0))
            weight.value[place] = kept
            gradient[place] = (losses[0] - losses[1]) / (2 * step)
        found.append(gradient)
    return found


@pytest.mark.parametrize("weights", [None, RANDOM.uniform(0, 2, 50)], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("loss", "output", "y"),
    [
        (SPARSE, Dense(3, activation="softmax", bias_regularizer="l1"), CLASSES),
        (SPARSE, Softmax(), CLASSES),
        ({"CategoricalCrossentropy": {"label_smoothing": 0.1}}, Activation("softmax"), np.eye(3)[CLASSES]),
        ("binary_crossentropy", Dense(1, activation="sigmoid"), CLASSES > 0),
        ("huber", Dense(2, kernel_regularizer={"L1L2": {"l1": 0.1, "l2": 0.2}}), T),
    ],
)
def test_total_gradient_is_the_derivative_of_the_reported_loss(loss, output, y, weights):
    """Layers, fused activation, loss, weights and regularizers in one number."""
    output = Layer.get(output.to_spec())
    layers = [Dense(3, activation="tanh", kernel_regularizer="l2"), output]
    for layer in layers:
        layer.dtype = "float64"
    model = Sequential([Input((3,)), *layers], seed=0)
    model.compile(SGD(learning_rate=0.0), loss)
    for weight in model.trainable_weights:  # away from the kink of L1 at 0
        weight.value[...] += 0.05
    reported = model.evaluate(X, y, batch_size=50, sample_weight=weights, verbose=0)
    assert model.train_on_batch(X, y, sample_weight=weights) == pytest.approx(reported, rel=1e-12)
    analytic = [weight.gradient for weight in model.trainable_weights]
    for one, other in zip(analytic, numeric_gradients(model, X, y, weights), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize(
    ("loss", "units", "ends", "y"),
    [
        ("SparseCategoricalCrossentropy", 3, [[Dense(3, activation="softmax")], [Dense(3), Softmax()]], CLASSES),
        ("CategoricalCrossentropy", 3, [[Dense(3), Activation("softmax")]], np.eye(3)[CLASSES]),
        ("BinaryCrossentropy", 1, [[Dense(1, activation="sigmoid")], [Dense(1), Activation("sigmoid")]], CLASSES > 0),
    ],
)
def test_final_softmax_or_sigmoid_trains_as_from_logits(loss, units, ends, y):
    logits = Sequential([Dense(4, activation="relu"), Dense(units)], seed=0)
    logits.compile("adam", {loss: {"from_logits": True}})
    expected = fit(logits, y=y, epochs=3)
    for end in ends:
        model = Sequential([Dense(4, activation="relu"), *[Layer.get(layer.to_spec()) for layer in end]], seed=0)
        model.compile("adam", loss, ["accuracy"])
        history = fit(model, y=y, epochs=3)
        assert history["loss"] == expected["loss"] and same_weights(model, logits)
        outputs = model.predict(X, verbose=0)
        assert 0 <= outputs.min() <= outputs.max() <= 1
        evaluated = model.evaluate(X, y, verbose=0)
        assert evaluated[0] == logits.evaluate(X, y, verbose=0)
        right = outputs[:, 0] > 0.5 if units == 1 else outputs.argmax(axis=1)
        assert evaluated[1] == pytest.approx(np.mean(right == (y if units == 1 else CLASSES)))


def test_probabilities_of_zero_do_not_stop_learning():
    model = classifier(optimizer={"SGD": {"learning_rate": 0.1}})
    model.build((None, 3))
    model.layers[-1].bias.value[:] = (0, 500, 0)  # a softmax in float32 is exactly 0 and 1 here
    model.train_on_batch(X, np.zeros(50, int))
    assert model.layers[-1].bias.gradient[0] == pytest.approx(-1)


def test_evaluate_equals_the_formulas():
    model = classifier(metrics=["accuracy"])
    fit(model, y=CLASSES)
    probabilities = model.predict(X, verbose=0)
    loss, accuracy = model.evaluate(X, CLASSES, batch_size=7, verbose=0)
    assert loss == pytest.approx(-np.log(probabilities[np.arange(50), CLASSES]).mean(), rel=1e-5)
    assert accuracy == pytest.approx((probabilities.argmax(1) == CLASSES).mean())
    logs = model.evaluate(X, CLASSES, verbose=0, return_dict=True)
    assert logs.keys() == {"loss", "accuracy"} and logs["accuracy"] == pytest.approx(accuracy)
    kernel = regression(Dense(2, kernel_regularizer={"L2": {"l2": 0.5}}))
    fit(kernel)
    error = np.mean((kernel.predict(X, verbose=0) - T) ** 2)
    penalty = 0.5 * np.sum(kernel.get_weights()[0] ** 2)
    assert kernel.evaluate(X, T, verbose=0) == pytest.approx(error + penalty, rel=1e-6)


def test_on_batch_methods():
    model = classifier(metrics=["accuracy"])
    first = model.train_on_batch(X, CLASSES, return_dict=True)
    assert first.keys() == {"loss", "accuracy"}
    before = model.get_weights()
    tested = model.test_on_batch(X, CLASSES)
    assert tested[0] < first["loss"]
    assert tested == model.evaluate(X, CLASSES, batch_size=50, verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))
    assert type(regression().train_on_batch(X, T)) is float
    assert model.train_step(X, CLASSES) == pytest.approx(tested[0])
    weights = {0: 2.0, 1: 0.5}
    by_class = np.array([2.0, 0.5, 1.0])[CLASSES]
    assert model.test_on_batch(X, CLASSES, by_class) == model.evaluate(
        X, CLASSES, batch_size=50, sample_weight=by_class, verbose=0
    )
    expected = model.test_on_batch(X, CLASSES, by_class)[0]
    assert model.train_on_batch(X, CLASSES, class_weight=weights)[0] == pytest.approx(expected)


def test_predict_leaves_no_trace_and_any_batch_size_will_do():
    model = everything()
    fit(model, y=CLASSES, epochs=2)
    before = model.get_weights()
    whole = model.predict(X, verbose=0)
    assert whole.shape == (50, 3)
    for batch_size in (1, 7, 50):
        np.testing.assert_allclose(model.predict(X, batch_size=batch_size, verbose=0), whole, rtol=1e-5)
    assert all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    assert all(layer.jacobians is None for layer in [model, *model.layers])
    assert model.predict(X, batch_size=20, steps=2, verbose=0).shape == (40, 3)
    np.testing.assert_array_equal(model.predict([(X[:30], CLASSES[:30]), (X[30:],)], verbose=0)[30:], whole[30:])


def test_threads_share_a_model():
    model = everything()
    fit(model, y=CLASSES)
    expected = model.predict(X, verbose=0)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: model.predict(X, verbose=0), range(40)):
            np.testing.assert_array_equal(result, expected)


def test_history():
    model = classifier(metrics=["accuracy"])
    history = model.fit(X, CLASSES, epochs=5, initial_epoch=2, verbose=0, validation_data=(X, CLASSES))
    assert isinstance(history, History) and model.history is history
    assert history.epoch == [2, 3, 4]
    assert {name: len(values) for name, values in history.history.items()} == dict.fromkeys(
        ["loss", "accuracy", "val_loss", "val_accuracy"], 3
    )
    assert all(type(value) is float for values in history.history.values() for value in values)


@pytest.mark.parametrize(
    ("verbose", "pattern"),
    [
        (0, r"^$"),
        (1, r"^Epoch 1/2\n4/4 ━+ 0s .*/step - loss: \d.*\nEpoch 2/2\n4/4 .*\n$"),
        ("auto", r"^Epoch 1/2\n4/4 ━.*\nEpoch 2/2\n.*\n$"),
        (2, r"^Epoch 1/2\n4/4 - 0s - .*\nEpoch 2/2\n.*\n$"),
    ],
)
def test_verbose(verbose, pattern, capsys):
    model = regression()
    model.fit(X, T, epochs=2, batch_size=16, verbose=verbose)
    assert re.search(pattern, capsys.readouterr().out)
    model.evaluate(X, T, verbose=verbose)
    assert bool(re.search(r"^2/2 .* - loss: ", capsys.readouterr().out)) == (verbose != 0)
    model.predict(X, verbose=verbose)
    assert bool(re.search(r"^1/1 .*/step\n$", capsys.readouterr().out)) == (verbose != 0)


# ---------------------------------------------------------------- seeds


def test_same_seed_same_history_bit_for_bit():
    options = {"y": CLASSES, "epochs": 4, "validation_split": 0.2}
    first, again, other = everything(), everything(), everything(seed=1)
    history = fit(first, **options)
    assert fit(again, **options) == history != fit(other, **options)
    assert same_weights(first, again) and not same_weights(first, other)


def test_a_drawn_seed_is_kept():
    model = Sequential([Input((3,)), Dense(2)])
    assert isinstance(model.seed, int)
    assert same_weights(model, Sequential([Input((3,)), Dense(2)], seed=model.seed))
    assert not same_weights(model, Sequential([Input((3,)), Dense(2)]))


def test_configs_have_the_seed_that_was_given_also_after_saving(tmp_path):
    for seed in (None, 5):
        model = Sequential([Input((3,)), Dense(2)], seed=seed)
        model.save(tmp_path / "m.safetensors")
        for twin in (model, load_model(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model))):
            assert twin.get_config().get("seed") == seed and twin.seed == model.seed


def test_the_seed_decides_dropout_too():
    models = [regression(Input((3,)), Dropout(0.5), Dense(2), seed=seed) for seed in (0, 0, 1)]
    for model in models:
        model.set_weights([np.ones((3, 2)), np.zeros(2)])
    first, again, other = (fit(model, shuffle=False) for model in models)
    assert first == again != other


def test_two_fits_are_one_long_fit():
    once, twice = everything(), everything()
    whole = fit(once, y=CLASSES, epochs=4)
    parts = fit(twice, y=CLASSES, epochs=2), fit(twice, y=CLASSES, epochs=4, initial_epoch=2)
    assert whole["loss"] == parts[0]["loss"] + parts[1]["loss"]
    assert same_weights(once, twice)


# ---------------------------------------------------------------- data


def test_shuffle_shows_every_row_once_per_epoch_in_new_order():
    recorder = RecorderOfRows()
    fit(regression(recorder, Dense(1)), ROWS, ROWS, epochs=2, batch_size=16)
    seen = recorder.rows(True)
    first, second = seen[:50], seen[50:]
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second and first != sorted(first)
    ordered = RecorderOfRows()
    fit(regression(ordered, Dense(1)), ROWS, ROWS, shuffle=False)
    assert ordered.rows(True) == list(range(50))


def split_rows(seed=0, labels=ROWS, loss="mse", **options):
    recorder = RecorderOfRows()
    model = Sequential([recorder, Dense(1 if loss == "mse" else 2)], seed=seed)
    model.compile("adam", loss if loss == "mse" else {loss: {"from_logits": True}})
    history = fit(model, ROWS, labels, validation_split=0.2, **options)
    assert "val_loss" in history
    return sorted(recorder.rows(True)), sorted(recorder.rows(False))


def test_validation_split_is_random_and_seeded():
    trained, held = split_rows()
    assert len(held) == 10 and sorted(trained + held) == list(range(50))
    assert held != list(range(40, 50))
    assert split_rows() == (trained, held) != split_rows(seed=1)


def test_validation_split_stratified():
    labels = (np.arange(50) < 10).astype(int)
    loss = "SparseCategoricalCrossentropy"
    for seed in range(5):
        trained, held = split_rows(seed, labels, loss, stratify=True)
        assert len(held) == 10 and labels[held].sum() == 2 and sorted(trained + held) == list(range(50))
    assert any(labels[split_rows(seed, labels, loss)[1]].sum() != 2 for seed in range(5))


def test_validation_split_takes_its_share_of_the_weights():
    recorder = RecorderOfRows()
    model = regression(recorder, Dense(1))
    weights = np.arange(50.0)
    history = fit(model, ROWS, ROWS, sample_weight=weights, validation_split=0.2)
    held = recorder.rows(False)
    expected = model.evaluate(ROWS[held], ROWS[held], sample_weight=weights[held], batch_size=50, verbose=0)
    assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-6)


def test_validation_data():
    weights = np.linspace(0, 1, 20)
    for data in ((X[:20], T[:20]), [X[:20], T[:20]], (X[:20], T[:20], weights), [(X[:20], T[:20])]):
        model = regression()
        history = fit(model, epochs=2, validation_data=data)
        weight = data[2] if len(data) == 3 else None
        expected = model.evaluate(X[:20], T[:20], sample_weight=weight, verbose=0)
        assert history["val_loss"][-1] == pytest.approx(expected, rel=1e-6)
        unwatched = regression()
        fit(unwatched, epochs=2)
        assert same_weights(model, unwatched)


def test_validation_freq_steps_and_batch_size():
    batches = []
    count = LambdaCallback(on_test_batch_end=lambda batch, logs: batches.append(batch))
    history = fit(
        regression(),
        epochs=5,
        callbacks=[count],
        validation_data=(X, T),
        validation_freq=2,
        validation_batch_size=10,
        validation_steps=3,
    )
    assert len(history["val_loss"]) == 2 and batches == [0, 1, 2] * 2


def test_sample_weight_zero_is_absence():
    weights = np.array([1.0] * 30 + [0.0] * 20)
    weighted, absent = (
        regression(optimizer={"SGD": {"learning_rate": 0.1}}, seed=5),
        regression(optimizer={"SGD": {"learning_rate": 0.1 * 30 / 50}}, seed=5),
    )
    weighted.train_on_batch(X, T, sample_weight=weights)
    absent.train_on_batch(X[:30], T[:30])
    for one, other in zip(weighted.get_weights(), absent.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "units", "activation", "y"),
    [
        (SPARSE, 3, "softmax", CLASSES),
        ("categorical_crossentropy", 3, "softmax", np.eye(3)[CLASSES]),
        ("binary_crossentropy", 1, "sigmoid", (CLASSES > 0).astype(int)),
    ],
)
def test_class_weight_is_sample_weight_by_class(loss, units, activation, y):
    labels = CLASSES if units == 3 else y
    weights = np.where(labels == 1, 5.0, 1.0)
    by_class, by_row, plain = (classifier(loss, units, activation) for _ in range(3))
    assert fit(by_class, y=y, class_weight={1: 5.0}) == fit(by_row, y=y, sample_weight=weights)
    assert same_weights(by_class, by_row)
    fit(plain, y=y)
    assert not same_weights(by_class, plain)
    both, product = (classifier(loss, units, activation) for _ in range(2))
    fit(both, y=y, class_weight={1: 5.0}, sample_weight=weights)
    fit(product, y=y, sample_weight=weights**2)
    assert same_weights(both, product)


def test_class_weight_reaches_batches_of_an_iterable():
    by_arrays, by_batches = classifier(), classifier()
    fit(by_arrays, y=CLASSES, class_weight={1: 5.0}, shuffle=False, batch_size=25)
    fit(by_batches, batches_of(25, y=CLASSES), None, class_weight={1: 5.0})
    assert same_weights(by_arrays, by_batches)


def test_weighted_metrics_heed_the_weights():
    model = classifier(metrics=["accuracy"], weighted_metrics=["accuracy"])
    weights = (CLASSES == 0).astype(float)
    logs = model.evaluate(X, CLASSES, sample_weight=weights, verbose=0, return_dict=True)
    right = model.predict(X, verbose=0).argmax(1) == CLASSES
    assert logs["accuracy"] == pytest.approx(right.mean())
    assert logs["weighted_accuracy"] == pytest.approx(right[CLASSES == 0].mean())


def batches_of(size, x=X, y=T):
    return [(x[start : start + size], y[start : start + size]) for start in range(0, len(x), size)]


class Walkable:
    def __iter__(self):
        return iter(batches_of(20))


def test_iterables_of_batches_train_as_arrays_do():
    reference = regression()
    expected = fit(reference, epochs=2, batch_size=20, shuffle=False)
    endless = itertools.chain.from_iterable(itertools.repeat(batches_of(20)))
    for source, steps in ((batches_of(20), None), (Walkable(), None), (endless, 3)):
        model = regression()
        assert model.fit(source, epochs=2, steps_per_epoch=steps, verbose=0).history == expected
        assert same_weights(model, reference)
    one_epoch = regression()
    assert fit(one_epoch, (batch for batch in batches_of(20)), None)["loss"] == expected["loss"][:1]
    for source in (batches_of(20), iter(batches_of(20))):
        assert reference.evaluate(source, verbose=0) == reference.evaluate(X, T, batch_size=20, verbose=0)


def test_batches_may_carry_weights():
    weights = np.linspace(0, 2, 50)
    by_arrays, by_batches = regression(), regression()
    fit(by_arrays, sample_weight=weights, shuffle=False, batch_size=25)
    fit(by_batches, [(X[:25], T[:25], weights[:25]), (X[25:], T[25:], weights[25:])], None)
    assert same_weights(by_arrays, by_batches)


def test_data_frames_lists_and_integers():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"], index=range(100, 150))
    by_frame, by_array, by_list = regression(), regression(), regression()
    target = pd.DataFrame(T)
    expected = fit(by_array, validation_split=0.2)
    weights = pd.Series(np.ones(50), index=range(7, 57))
    assert fit(by_frame, frame, target, validation_split=0.2) == expected
    assert fit(by_list, X.tolist(), T.tolist(), validation_split=0.2) == expected
    weighted = by_frame.evaluate(frame, target, sample_weight=weights, verbose=0)
    assert weighted == pytest.approx(by_array.evaluate(X, T, verbose=0), rel=1e-6)
    np.testing.assert_array_equal(by_frame.predict(frame, verbose=0), by_array.predict(X, verbose=0))
    labels = pd.Series(CLASSES, index=range(9, 59))
    assert fit(classifier(), y=labels) == fit(classifier(), y=CLASSES.tolist())


def test_the_callers_arrays_stay_as_they_are():
    x, y, weights = X.copy(), CLASSES.copy(), np.linspace(0, 1, 50)
    for array in (x, y, weights):
        array.flags.writeable = False
    model = everything()
    fit(model, x, y, sample_weight=weights, class_weight={0: 2.0}, epochs=2)
    model.evaluate(x, y, sample_weight=weights, verbose=0)
    np.testing.assert_array_equal(x, X)


def test_embedding_takes_whole_numbers():
    words = RANDOM.integers(0, 5, (40, 2))
    model = Sequential([Embedding(5, 3), Flatten(), Dense(2, activation="softmax")], seed=0)
    model.compile({"Adam": {"learning_rate": 0.05}}, SPARSE, ["accuracy"])
    history = fit(model, words, (words[:, 0] == 2).astype(int), epochs=30)
    assert history["accuracy"][-1] == 1.0


def test_adapt_shows_normalization_what_the_layers_before_pass_on():
    model = regression({"Rescaling": {"scale": 2.0}}, Normalization(), Dense(2))
    model.adapt(X)
    np.testing.assert_allclose(model.layers[1].moments[0].value, 2 * X.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(model.layers[1].moments[1].value, 4 * X.var(axis=0), rtol=1e-5)
    model.adapt(X + 1)
    np.testing.assert_allclose(model.layers[1].moments[0].value, 2 * X.mean(axis=0), atol=1e-6)
    fit(model)


# ---------------------------------------------------------------- dtypes


def test_float64_by_layer_and_by_default():
    double = Sequential([Input((3,)), Dense(2, dtype="float64")])
    assert double.predict(X, verbose=0).dtype == np.float64
    set_floatx("float64")
    try:
        model = regression()
        fit(model)
    finally:
        set_floatx("float32")
    assert {weight.dtype for weight in model.weights} == {np.dtype(np.float64)}
    single = regression()
    fit(single, X.astype(np.float64), T.astype(np.float64))
    assert single.predict(X.astype(np.float64), verbose=0).dtype == np.float32


def test_same_seed_same_start_in_both_dtypes():
    single, double = (Sequential([Input((3,)), Dense(2, dtype=dtype)], seed=0) for dtype in ("float32", "float64"))
    np.testing.assert_array_equal(
        single.get_weights()[0], double.get_weights()[0].astype(np.float32)
    )  # the same numbers, rounded


def test_mixed_dtypes_train_together():
    layers = [Dense(4, activation="tanh"), Dense(3, activation="tanh", dtype="float64"), Dense(2)]
    model = Sequential([Input((3,)), *layers], seed=0)
    model.compile({"Adam": {"learning_rate": 0.01}}, "mse")
    assert [str(weight.dtype) for weight in model.weights[::2]] == ["float32", "float64", "float32"]
    before = model.get_weights()
    losses = fit(model, epochs=20)["loss"]
    assert losses[-1] < losses[0]
    assert all(not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    assert model.predict(X, verbose=0).dtype == np.float32
    doubled = Sequential(
        [Input((3,)), *[Dense(n, activation=a, dtype="float64") for n, a in ((4, "tanh"), (3, "tanh"))]]
    )
    doubled.add(Dense(2, dtype="float64"))
    doubled.compile(SGD(learning_rate=0.0), "mse")
    doubled.set_weights(model.get_weights())
    model.compile(SGD(learning_rate=0.0), "mse")
    for network in (model, doubled):
        network.train_on_batch(X, T)
    for one, other in zip(model.weights, doubled.weights, strict=True):
        assert one.gradient.dtype == one.dtype
        np.testing.assert_allclose(one.gradient, other.gradient, atol=1e-6)


# ---------------------------------------------------------------- frozen layers, stopping, callbacks


def test_frozen_layers_stay():
    model = regression(Dense(4, trainable=False), BatchNormalization(trainable=False), Dense(2))
    model.build((None, 3))
    before = model.get_weights()
    fit(model, epochs=2)
    changed = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert changed == [False] * 6 + [True] * 2
    model.layers[0].trainable = True
    model.compile("adam", "mse")
    before = model.get_weights()
    fit(model)
    changed = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert changed == [True] * 2 + [False] * 4 + [True] * 2
    model.trainable = False
    assert model.trainable_weights == []


def test_a_frozen_inner_model_stays_its_averages_too():
    inner = Sequential([Dense(4), BatchNormalization(), Dense(3)])
    inner.trainable = False
    model = regression(inner, Dense(2))
    model.build((None, 3))
    before = inner.get_weights()
    fit(model)
    assert all(np.array_equal(old, new) for old, new in zip(before, inner.get_weights(), strict=True))
    inner.trainable = True
    model.compile("adam", "mse")
    fit(model)
    assert not any(np.array_equal(old, new) for old, new in zip(before, inner.get_weights(), strict=True))


def test_batch_normalization_follows_its_batches():
    model = regression(BatchNormalization(momentum=0.5), Dense(2))
    model.build((None, 3))
    model.train_on_batch(X, T)
    np.testing.assert_allclose(model.layers[0].moving_mean.value, 0.5 * X.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(model.layers[0].moving_variance.value, 0.5 + 0.5 * X.var(axis=0), rtol=1e-5)


class StopAt(Callback):
    batch: int

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch == self.batch


def test_stop_training_is_heeded_at_once():
    model = regression()
    history = fit(model, epochs=5, batch_size=10, callbacks=[StopAt(1)])
    assert len(history["loss"]) == 1 and model.optimizer.iterations == 2
    assert len(fit(model, epochs=2)["loss"]) == 2  # a new fit starts with a clear flag


def test_callbacks_by_name_and_an_own_history():
    own = History()
    model = regression()
    returned = model.fit(X, T, verbose=0, epochs=2, callbacks=["TerminateOnNaN", own])
    assert own.history == returned.history


def test_on_train_end_is_called_when_a_callback_fails():
    ended = []

    def fail(epoch, logs):
        raise RuntimeError("full disk")

    callbacks = [LambdaCallback(on_epoch_end=fail, on_train_end=lambda logs: ended.append(True))]
    with pytest.raises(RuntimeError, match="full disk"):
        fit(regression(), callbacks=callbacks)
    assert ended == [True]


# ---------------------------------------------------------------- copies, shared layers


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_goes_on_exactly_and_alone(duplicate):
    model = everything()
    fit(model, y=CLASSES, epochs=2)
    twin = duplicate(model)
    assert twin.optimizer.iterations == model.optimizer.iterations == 4
    kept = model.get_weights()
    history = fit(twin, y=CLASSES, epochs=2)
    assert all(np.array_equal(old, new) for old, new in zip(kept, model.get_weights(), strict=True))
    assert fit(model, y=CLASSES, epochs=2) == history
    assert same_weights(model, twin)
    fresh = duplicate(everything())
    assert not fresh.built and fit(fresh, y=CLASSES) == fit(everything(), y=CLASSES)


def test_two_models_share_a_layer():
    shared = Dense(4, activation="tanh")
    first, second = (Sequential([Input((3,)), shared, Dense(units)], seed=0) for units in (2, 1))
    for model in (first, second):
        model.compile({"SGD": {"learning_rate": 0.1}}, "mse")
    for _ in range(2):  # each takes the shared weights over from the other
        before = shared.get_weights()
        first.train_on_batch(X, T)
        middle = shared.get_weights()
        second.train_on_batch(X, T[:, :1])
        after = shared.get_weights()
        assert not np.array_equal(before[0], middle[0]) and not np.array_equal(middle[0], after[0])
    alone = Sequential([Input((3,)), Dense(4, activation="tanh"), Dense(2)])
    alone.set_weights(first.get_weights())
    alone.compile({"SGD": {"learning_rate": 0.1}}, "mse")
    assert alone.train_on_batch(X, T) == first.train_on_batch(X, T)
    assert same_weights(alone, first)


def test_divergence_shows():
    model = regression(optimizer={"SGD": {"learning_rate": 1e30}})
    with np.errstate(all="ignore"):
        assert not np.isfinite(fit(model, epochs=3)["loss"][-1])


def test_instances_serve_as_well_as_names():
    model = Sequential([Dense(3, activation="softmax")], seed=0)
    model.compile(Adam(learning_rate=0.1), SparseCategoricalCrossentropy())
    assert model.optimizer.learning_rate == 0.1
    assert model.trainer.config()["loss"] == SparseCategoricalCrossentropy().to_spec()
    for loss in (MeanSquaredError(), BinaryCrossentropy()):
        model.compile(loss=loss)
        assert model.loss is loss and type(model.optimizer).__name__ == "RMSprop"


def test_a_layer_that_is_added_twice_is_used_twice(tmp_path):
    dense = Dense(4, "tanh")
    model = Sequential([Input((4,)), dense, dense, Dense(1)], seed=0)
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    kernel, bias, last, end = model.get_weights()
    expected = np.tanh(np.tanh(x @ kernel + bias) @ kernel + bias) @ last + end
    np.testing.assert_allclose(model(x), expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.layers[0] is again.layers[1] and again.count_params() == 25
    np.testing.assert_array_equal(again(x), model(x))


def test_a_layer_added_without_rebuilding_waits():
    model = Sequential([Input((4,)), Dense(3)])
    model.add(Dense(2), rebuild=False)
    assert not model.built
    assert model(np.ones((2, 4))).shape == (2, 2)
