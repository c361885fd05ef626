"""The last layer is compared with the loss before training, in all three ways to train."""

import copy
import warnings

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model, ops
from nnlite.errors import ConfigError
from nnlite.estimators import NNClassifier
from nnlite.experiment import Experiment
from nnlite.layers import LSTM, Activation, Dense, Dropout, Flatten, Lambda, Reshape, Softmax, TimeDistributed
from nnlite.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy

X = np.random.default_rng(0).normal(size=(6, 4))
TARGETS = {"binary": np.eye(3)[[0, 1, 2, 0, 1, 2]], "categorical": np.eye(3)[[0, 1, 2, 0, 1, 2]]}
TARGETS["sparse"] = np.array([0, 1, 2, 0, 1, 2])

REFUSED = [
    ([Dense(1, "softmax")], "mse", "sigmoid"),
    ([Dense(1, "softmax")], "binary_crossentropy", "sigmoid"),
    ([Dense(1), Softmax()], "binary_crossentropy", "sigmoid"),
    ([Dense(1, "softmax"), Dropout(0.5)], BinaryCrossentropy(from_logits=True), "sigmoid"),
    ([Dense(1, "sigmoid")], "categorical_crossentropy", "one unit per class"),
    ([Dense(1)], SparseCategoricalCrossentropy(from_logits=True), "one unit per class"),
    ([Dense(3, "log_softmax")], "categorical_crossentropy", "'softmax'"),
    ([Dense(3, "log_sigmoid")], "binary_crossentropy", "'sigmoid'"),
    ([Sequential([Dense(4), Dense(1, "softmax")])], "mse", "sigmoid"),
]
TOLD = [
    ([Dense(3)], "binary_crossentropy", "'sigmoid'.*from_logits=True"),
    ([Dense(3)], "categorical_crossentropy", "'softmax'.*from_logits=True"),
    ([Dense(3, "relu")], "sparse_categorical_crossentropy", "'softmax'"),
    ([Dense(3, "tanh")], "binary_crossentropy", "'sigmoid'"),
    ([Dense(3), Activation("linear")], "binary_crossentropy", "'sigmoid'"),
    ([Dense(3), Dropout(0.1), Flatten()], "categorical_crossentropy", "'softmax'"),
    ([Dense(3, "softmax")], CategoricalCrossentropy(from_logits=True), "leave the activation out"),
    ([Dense(3, "sigmoid")], BinaryCrossentropy(from_logits=True), "leave the activation out"),
    ([Dense(3, "softmax")], SparseCategoricalCrossentropy(from_logits=True), "leave the activation out"),
    ([Dense(3, "sigmoid")], "categorical_crossentropy", "divides them by their sum"),
    ([Dense(3, "softmax")], "binary_crossentropy", "treats each independently"),
]
RIGHT = [
    ([Dense(3, "softmax")], "categorical_crossentropy"),
    ([Dense(3, "softmax")], "sparse_categorical_crossentropy"),
    ([Dense(3), Softmax()], "sparse_categorical_crossentropy"),
    ([Dense(3, "sigmoid")], "binary_crossentropy"),
    ([Dense(3, "hard_sigmoid")], "binary_crossentropy"),
    ([Dense(3, "exponential")], "categorical_crossentropy"),
    ([Dense(3)], BinaryCrossentropy(from_logits=True)),
    ([Dense(3)], CategoricalCrossentropy(from_logits=True)),
    ([Dense(3, "log_softmax")], CategoricalCrossentropy(from_logits=True)),
    ([Dense(3, "softmax")], "mse"),
    ([Dense(3)], "mse"),
    ([Dense(3), Lambda(lambda z: ops.sigmoid(z))], "binary_crossentropy"),
    ([Dense(3, "softmax"), Reshape((3,))], "categorical_crossentropy"),
]


def trained(layers, loss, built):
    """A model of copies of the layers, after `compile` and a step of training."""
    model = Sequential([*([Input((4,))] if built else []), *copy.deepcopy(layers)], seed=0)
    model.compile("sgd", loss)
    kind, units = model.trainer.loss.target_kind, 1 if "1," in repr(layers) or repr(layers).endswith("(1)]") else 3
    y = TARGETS.get(kind, TARGETS["binary"])
    model.train_on_batch(X, y if kind == "sparse" else y[:, :units])
    return model


@pytest.mark.parametrize("built", [False, True], ids=["built by the data", "built"])
@pytest.mark.parametrize(("layers", "loss", "remedy"), REFUSED)
def test_what_can_only_be_wrong_is_refused(layers, loss, remedy, built):
    with pytest.raises(ConfigError, match=remedy):
        trained(layers, loss, built)


@pytest.mark.parametrize("built", [False, True], ids=["built by the data", "built"])
@pytest.mark.parametrize(("layers", "loss", "remedy"), TOLD)
def test_what_may_be_meant_is_told_once(layers, loss, remedy, built):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = trained(layers, loss, built)
        model.fit(X, TARGETS[model.trainer.loss.target_kind], epochs=2, verbose=0)
        model.evaluate(X, TARGETS[model.trainer.loss.target_kind], verbose=0)
    assert [warning.category for warning in told].count(UserWarning) == 1
    with pytest.warns(UserWarning, match=remedy):
        trained(layers, loss, built)


@pytest.mark.parametrize(("layers", "loss"), RIGHT)
def test_what_fits_is_not_talked_about(layers, loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(layers, loss, True)


def test_a_loss_of_ones_own_is_not_judged():
    class OwnEntropy(CategoricalCrossentropy, abstract=True):
        def per_row(self, y_true, y_pred):
            return CategoricalCrossentropy(from_logits=True).per_row(y_true, y_pred)

    class Product(Loss, abstract=True):
        def call(self, y_true, y_pred):
            return ops.mean(y_pred * y_true, axis=-1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for loss in (OwnEntropy(), Product()):
            trained([Dense(3)], loss, True)


def test_units_are_those_of_the_layer_and_not_of_what_it_is_reshaped_to():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Sequential([Input((4,)), Dense(3, "softmax"), Reshape((3, 1))], seed=0)
        model.compile("sgd", "mse")


def test_each_step_of_a_sequence_has_a_last_layer():
    model = Sequential([Input((5, 4)), LSTM(3, return_sequences=True), TimeDistributed(Dense(1, "softmax"))], seed=0)
    with pytest.raises(ConfigError, match="softmax over one unit"):
        model.compile("sgd", "binary_crossentropy")


def test_a_refused_compile_leaves_the_model_as_it_was():
    model = Sequential([Input((4,)), Dense(1, "softmax")], seed=0)
    with pytest.raises(ConfigError):
        model.compile("sgd", "mse")
    assert model.loss is None


def test_each_output_of_a_graph_is_compared_with_its_loss():
    inputs = Input((4,))
    model = Model(inputs, [Dense(3, "softmax", name="kind")(inputs), Dropout(0.1)(Dense(2, name="tags")(inputs))])
    with pytest.warns(UserWarning, match="'tags'.*'sigmoid'"):
        model.compile("sgd", ["categorical_crossentropy", "binary_crossentropy"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.compile("sgd", ["categorical_crossentropy", "mse"])
    single = Model(inputs, Dense(1, "softmax")(inputs))
    with pytest.raises(ConfigError, match="softmax over one unit"):
        single.compile("sgd", "mse")


def test_a_file_is_read_without(tmp_path):
    model = Sequential([Input((4,)), Dense(3)], seed=0)
    with pytest.warns(UserWarning, match="'sigmoid'"):
        model.compile("sgd", "binary_crossentropy")
    model.save(tmp_path / "m.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load_model(tmp_path / "m.safetensors")
    with pytest.warns(UserWarning, match="'sigmoid'"):
        again.evaluate(X, TARGETS["binary"], verbose=0)


def test_the_layers_of_an_estimator():
    network = NNClassifier(
        layers=[Dense(3, "softmax")], loss={"SparseCategoricalCrossentropy": {"from_logits": True}}, epochs=1
    )
    with pytest.warns(UserWarning, match="leave the activation out"):
        network.fit(X, TARGETS["sparse"])


def experiment(units, activation, loss):
    return Experiment.get(
        {
            "data": {"source": {"SklearnDataset": {"name": "iris"}}},
            "seed": 0,
            "model": [{"Dense": {"units": units, "activation": activation}}],
            "compile": {"loss": loss},
        }
    )


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "exponential", "log_softmax"])
def test_a_config_never_calls_other_numbers_probabilities(activation):
    with pytest.raises(ConfigError, match=r"compile\.loss: .*softmax"):
        experiment(3, activation, "sparse_categorical_crossentropy").prepare()


def test_a_config_with_logits_or_probabilities_is_right():
    experiment(3, "softmax", "sparse_categorical_crossentropy").prepare()
    experiment(3, "linear", {"SparseCategoricalCrossentropy": {"from_logits": True}}).prepare()
    with pytest.raises(ConfigError, match="leave the activation out"):
        experiment(3, "softmax", {"SparseCategoricalCrossentropy": {"from_logits": True}}).prepare()
