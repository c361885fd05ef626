"""What users write, room by room: type checkers accept every line, and the tests run it."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nnlite
from nnlite import Input, Model, NNClassifier, NNRegressor, Sequential, layers, load_model, ops
from nnlite.callbacks import Callback, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint
from nnlite.initializers import HeNormal, Initializer
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import LSTM, Concatenate, Conv2D, Dense, Dropout, Embedding, Layer, MaxPooling2D, Residual
from nnlite.losses import Loss, MeanSquaredError
from nnlite.metrics import MeanAbsoluteError, Metric
from nnlite.optimizers import SGD, Adam, ExponentialDecay, Optimizer
from nnlite.registry import FromSpec, option, register_function
from nnlite.regularizers import L2

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:  # `typing` has it from Python 3.11 on

    def assert_type(value, kind):
        return value


class Stretch(Layer):
    """outputs = factor * gain * inputs: a derivative written by hand, an initializer as an argument."""

    factor: float = 1.0
    gain_initializer: FromSpec[Initializer] = option(default="ones")

    def build(self, input_shape: tuple) -> None:
        self.gain = self.add_weight((input_shape[-1],), self.gain_initializer, name="gain")

    def linearize(self, inputs: np.ndarray, gain: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        by_inputs = Diagonal(self.factor * gain, inputs.shape, inputs.shape)
        by_gain = Diagonal(self.factor * inputs, gain.shape, inputs.shape)
        return self.factor * gain * inputs, Jacobians(by_inputs, by_gain)


class Tied(Layer):
    """A kernel that is used twice; the derivative is recorded."""

    units: int

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), "glorot_uniform", regularizer="l2", name="kernel")
        self.inner = Dense(self.units, "tanh")

    def call(self, inputs: np.ndarray) -> np.ndarray:
        return self.inner(ops.tanh(inputs @ self.kernel)) @ self.kernel.T


class Plain(Layer):
    """Without annotations, as Keras users write it."""

    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, inputs, training=False):
        return ops.maximum(inputs, 0.0)


class Quartic(Loss):
    def call(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return ops.mean((y_pred - y_true) ** 4, axis=-1)


class Largest(Metric):
    def reset_state(self) -> None:
        self.largest = 0.0

    def update_state(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
        self.largest = max(self.largest, float(np.abs(y_true - y_pred).max()))

    def result(self) -> float:
        return self.largest


class Patient(Callback):
    epochs: int = 2

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.model.stop_training = epoch + 1 >= self.epochs


@register_function
def halved(inputs: np.ndarray) -> np.ndarray:
    return inputs / 2


def slower(epoch: int, rate: float) -> float:
    return rate * 0.9


def train_a_chain(folder: Path) -> float:
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(32, 4)), generator.normal(size=(32, 4))
    hidden = [
        Dense(8, activation="relu", kernel_initializer=HeNormal(seed=1), kernel_regularizer=L2(1e-4)),
        Dense(8, "tanh", use_bias=False, kernel_initializer={"RandomNormal": {"stddev": 0.1}}, name="second"),
        Dropout(0.1),
    ]
    model = Sequential([Input((4,)), *hidden, Stretch(2.0), Tied(units=3), Plain(3, name="plain"), Dense(4)], seed=0)
    model.add(layers.Lambda(halved))
    model.compile("adam", "mse", metrics=["mae", MeanAbsoluteError(), Largest()])
    model.compile(optimizer=Adam(ExponentialDecay(0.01, decay_steps=10, decay_rate=0.5)), loss=Quartic())
    model.compile({"SGD": {"momentum": 0.9}}, {"Huber": {"delta": 2.0}}, metrics=["mae"])
    callbacks: list[Callback] = [EarlyStopping(monitor="loss", patience=3), Patient(epochs=2)]
    history = model.fit(x, y, batch_size=8, epochs=3, callbacks=callbacks, validation_split=0.25, verbose=0)
    model.compile(SGD(0.1, momentum=0.5, clipnorm=1.0), MeanSquaredError(reduction="sum"))
    checkpoint = ModelCheckpoint(folder / "best.safetensors", monitor="loss")
    shown = LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    model.fit(x.tolist(), y.tolist(), validation_data=(x, y), verbose=0,
              callbacks=[LearningRateScheduler(slower), checkpoint, shown])  # fmt: skip
    model.optimizer.learning_rate = 0.01
    losses: list[float] = history.history["loss"] + model.history.history["loss"]
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    model.summary(print_fn=lambda text: None)
    model.save(folder / "model.safetensors")
    restored = load_model(folder / "model.safetensors")
    same = np.array_equal(restored.predict(x, verbose=0), model.predict(x.astype("float32"), verbose=0))
    derivatives_of(model, x, y)
    results_have_types(model, x, y)
    return losses[-1] + values["loss"] + float(same) + sum(weight.size for weight in model.trainable_weights)


def derivatives_of(model: Model | Sequential, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    per_row: np.ndarray = model.jacobian(x).per_example()
    whole: np.ndarray = model.jacobian(x, wrt="parameters").todense()
    gradients = model.per_example_gradients(x, y)
    curved: np.ndarray = model.hvp(x, y, model.gradient(x, y)) + model.ggn_vp(x, y, gradients.mean(axis=0))
    pushed = model.jvp(x, np.ones_like(x))
    shares = model.integrated_gradients(x, output=0)
    print(model.explain(x, y, row=1))
    return np.concatenate([part.ravel() for part in (per_row, whole, curved, pushed, shares)])


def draw_a_graph() -> tuple[int, ...]:
    image, words = Input((8, 8, 1), name="image"), Input((5,), dtype="int32", name="words")
    looked = layers.Flatten()(MaxPooling2D((2, 2))(Conv2D(4, (3, 3), padding="same", activation="relu")(image)))
    read = LSTM(4, recurrent_dropout=0.1)(Embedding(10, 3, mask_zero=True)(words))
    both = Residual([Dense(8, "relu"), "layer_normalization"], shortcut=[Dense(8)])(Concatenate()([looked, read]))
    model = Model([image, words], [Dense(1, name="lead")(both), Dense(2, "softmax", name="wins")(both)], seed=0)
    losses: dict[str, str | Loss] = {"lead": "mse", "wins": "sparse_categorical_crossentropy"}
    model.compile("adam", losses, {"wins": ["accuracy"]}, loss_weights={"lead": 1.0, "wins": 0.5})
    images, texts = np.zeros((6, 8, 8, 1)), np.ones((6, 5), int)
    model.fit({"image": images, "words": texts}, {"lead": [0.0] * 6, "wins": [1] * 6}, verbose=0)
    return tuple(output.shape[1] for output in model.predict([images, texts], verbose=0))


def use_other_layers() -> list[tuple[int, ...]]:
    normalized = layers.BatchNormalization(axis=-1, momentum=0.9, beta_initializer="zeros")
    attention = layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.1)
    words = layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    wrapped = layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum")
    padded, scaled = layers.ZeroPadding2D(((1, 1), (2, 2))), layers.Rescaling(1 / 255)
    steps = np.ones((2, 5, 4))
    outputs = [normalized(steps), attention([steps, steps]), words(np.array(["a", "c"])), wrapped(steps)]
    return [output.shape for output in (*outputs, scaled(padded(np.ones((1, 4, 4, 1)))))]


def use_families(activation: str | dict | Callable = "relu") -> Optimizer:
    loss: Loss = Loss.get("mse")
    adam: Adam = Adam.get({"Adam": {"learning_rate": 0.1}})
    dense: Dense = Dense.from_config({"units": 3, **Dense(2, activation="relu").get_config()})
    if dense.activation is not None and loss([[1.0]], [[2.0]]) > 0:
        print(dense.activation(np.ones(3)).shape, dense.units + 1, dense.kernel_initializer((2, 2)).mean())
    add, multiply = ops.Add(), ops.Multiply()
    product = multiply.forward(add.forward(np.ones(2), np.ones(2)), np.ones(2))
    first, second = multiply.backward(np.ones(product.shape))
    print(first.sum() + second.sum(), multiply.jacobians[0].todense().trace(), ops.concatenate([first, second]).shape)
    return adam


def use_estimators() -> float:
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    network = make_pipeline(StandardScaler(), NNClassifier(hidden_layer_sizes=(8,), epochs=2, random_state=0))
    regressor = NNRegressor(hidden_layer_sizes=4, layers=[Dense(3, "relu"), "dropout" and Dropout(0.1)], epochs=2)
    sensitivities = regressor.fit(x, y).sensitivities(x)
    probabilities = NNClassifier((4, 4), activation="tanh", epochs=2).fit(x, y).predict_proba(x)
    return cross_val_score(network, x, y, cv=2).mean() + probabilities.sum() + len(sensitivities)


def results_have_types(model: Model | Sequential, x: np.ndarray, y: np.ndarray) -> float:
    assert_type(model.predict(x), np.ndarray | Any)
    outputs, slopes = assert_type(model.predict(x, return_jacobian=True), tuple[np.ndarray, np.ndarray])
    assert_type(model.evaluate(x, y), float | Any)
    measured = assert_type(model.evaluate(x, y, return_dict=True), dict[str, float])
    classifier, regressor = NNClassifier(epochs=1).fit(x, y.argmax(axis=1)), NNRegressor(epochs=1).fit(x, y)
    assert_type(classifier.predict_proba(x), np.ndarray)
    assert_type(classifier.predict(x, return_jacobian=True), tuple[np.ndarray, np.ndarray])
    expected = assert_type(regressor.predict(x), np.ndarray)
    return measured["loss"] + outputs.sum() + slopes.sum() + expected.sum()


if __name__ == "__main__":
    nnlite.set_threads(1)
    nnlite.config.set_floatx("float32")
    with tempfile.TemporaryDirectory() as created:
        print(train_a_chain(Path(created)), draw_a_graph(), use_other_layers(), use_families(), use_estimators())
