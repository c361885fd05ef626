"""Configs as estimators and back, layers as YAML, functions as losses."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError

from nnlite import NNClassifier, NNRegressor, ops
from nnlite.callbacks import EarlyStopping
from nnlite.documents import dump
from nnlite.errors import ConfigError
from nnlite.experiment import Experiment
from nnlite.losses import Huber, MeanSquaredError

CONFIGS = Path(__file__).parents[2] / "configs"
X, LABELS = load_iris(return_X_y=True)
QUICK = {"epochs": 5, "n_members": 1, "random_state": 0}
LAYERS = [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": 1}}]


def quartic(y_true, y_pred):
    return ops.mean((y_pred - y_true) ** 4, axis=-1)


def squares(y_true, y_pred):
    return ops.mean((y_pred - y_true) ** 2, axis=-1)


def cross_entropy(y_true, y_pred):
    return ops.sum(-y_true * ops.log(y_pred), axis=-1)


# Functions as losses


def test_a_function_is_the_loss_that_it_computes():
    own = NNRegressor([8], loss=squares, **QUICK).fit(X[:, :3], X[:, 3])
    usual = NNRegressor([8], loss=MeanSquaredError(), **QUICK).fit(X[:, :3], X[:, 3])
    np.testing.assert_allclose(own.predict(X[:, :3]), usual.predict(X[:, :3]), rtol=1e-9)
    other = NNRegressor([8], loss=quartic, **QUICK).fit(X[:, :3], X[:, 3])
    assert not np.allclose(other.predict(X[:, :3]), usual.predict(X[:, :3]), rtol=1e-3)


def test_a_function_for_classes_gets_one_column_per_class():
    own = NNClassifier([8], loss=cross_entropy, dropout=0.0, **QUICK).fit(X, LABELS)
    usual = NNClassifier([8], dropout=0.0, **QUICK).fit(X, LABELS)
    np.testing.assert_allclose(own.predict_proba(X), usual.predict_proba(X), rtol=1e-6)
    assert own.model_.layers[-1].name == "temperature"


def test_a_function_for_labels_gets_their_columns():
    y = np.column_stack([LABELS == 0, LABELS == 2]).astype(int)
    assert NNClassifier([8], loss=squares, **{**QUICK, "epochs": 60}).fit(X, y).score(X, y) > 0.8


def test_an_estimator_with_a_function_is_copied_and_pickled():
    model = NNRegressor([4], loss=quartic, **QUICK).fit(X[:, :3], X[:, 3])
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X[:, :3]), model.predict(X[:, :3]))
    assert clone(model).loss is quartic
    assert "quartic" in repr(model)
    assert repr(again._loss()) == "FunctionLoss(quartic)"


def test_a_function_of_something_else_is_refused():
    with pytest.raises(Exception, match="FunctionLoss"):
        NNRegressor([4], loss=lambda y_true, y_pred: 1.0, **QUICK).fit(X[:, :3], X[:, 3])


# Layers as YAML


def test_layers_as_yaml_are_the_layers_of_a_list(tmp_path):
    text = "- Dense: {units: 6, activation: relu}\n- Dropout: {rate: 0.2}"
    file = tmp_path / "stack.yaml"
    file.write_text(text)
    given = [text, str(file), [{"Dense": {"units": 6, "activation": "relu"}}, {"Dropout": {"rate": 0.2}}]]
    found = [NNClassifier(layers=layers, **QUICK).fit(X, LABELS).predict_proba(X) for layers in given]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("layers", "message"),
    [("Dense: 3", "expected a list of layers"), ("- [", "not valid YAML"), ("nowhere.yaml", "nowhere.yaml: No such")],
)
def test_what_is_no_list_of_layers_is_refused(layers, message):
    with pytest.raises(ConfigError, match=message):
        NNClassifier(layers=layers, **QUICK).fit(X, LABELS)


# From configs


def test_a_config_becomes_parameters():
    model = NNClassifier.from_config(CONFIGS / "breast_cancer.yaml")
    assert (model.epochs, model.batch_size, model.random_state) == (60, 32, 0)
    assert (model.early_stopping, model.n_iter_no_change, model.tol) == (True, 10, 0.0)
    assert model.optimizer == {"Adam": {"learning_rate": 3e-3}}
    assert model.class_weight == {"benign": 1.0, "malignant": 1.5}
    assert not model.standardize  # the model normalizes


def test_an_estimator_of_a_config_learns():
    x, y = load_breast_cancer(return_X_y=True)
    model = NNClassifier.from_config(CONFIGS / "breast_cancer.yaml", class_weight=None, epochs=20)
    model.fit(x[:400], y[:400])
    names = [type(layer).__name__ for layer in model.model_.layers]
    assert names == ["Normalization", "Dense", "Dropout", "Dense", "TemperatureScaling"]
    np.testing.assert_allclose(model.model_.layers[0].moments[0].value, x[:400].mean(axis=0), rtol=0.1)
    assert model.score(x[400:], y[400:]) > 0.9


def test_the_stack_is_that_of_the_config_with_outputs_for_the_targets():
    config = {"model": LAYERS, "compile": {"loss": "mse"}, "fit": {"epochs": 2}}
    model = NNRegressor.from_config(config).fit(X[:, :2], X[:, 2:])
    assert [layer.units for layer in model._network().layers] == [8, 2]
    assert clone(model).fit(X[:, :2], X[:, 2:]).n_outputs_ == 2
    assert pickle.loads(pickle.dumps(model)).layers == model.layers


def test_several_binary_outputs_are_labels():
    two = [LAYERS[0], {"Dense": {"units": 2, "activation": "sigmoid"}}]
    config = {"model": two, "compile": {"loss": "binary_crossentropy"}, "fit": {"epochs": 2}}
    y = np.column_stack([LABELS == 0, LABELS == 2]).astype(int)
    probabilities = NNClassifier.from_config(config).fit(X, y).predict_proba(X)
    assert not np.allclose(probabilities.sum(axis=1), 1)


def test_callbacks_that_watch_something_else_stay():
    callbacks = [{"EarlyStopping": {"monitor": "loss", "patience": 2}}]
    config = {"model": LAYERS, "compile": {"loss": "mse"}, "fit": {"callbacks": callbacks}}
    model = NNRegressor.from_config(config)
    assert (model.early_stopping, model.n_iter_no_change) == (False, None)
    assert isinstance(model.callbacks[0], EarlyStopping)
    assert (model.epochs, model.batch_size, model.optimizer) == (1, 32, "rmsprop")  # as nnlite train has them


@pytest.mark.parametrize(
    ("cls", "changes", "message"),
    [
        (NNRegressor, {"train": {}}, "'train' cannot become a parameter"),
        (NNRegressor, {"fit": {"steps_per_epoch": 3}}, "'steps_per_epoch' cannot become a parameter"),
        (NNRegressor, {"fit": {"class_weight": {0: 1}}}, "a regression has no classes"),
        (NNRegressor, {"model": None}, "expected a list of one layer or more"),
        (NNRegressor, {"model": [*LAYERS, "Flatten"]}, "end in Dense"),
        (NNRegressor, {"model": ["Dens"]}, "unknown layer 'Dens'"),
        (NNRegressor, {"compile": {"loss": "binary_crossentropy"}}, "use NNClassifier"),
        (NNClassifier, {"compile": {"loss": "mse"}}, "use NNRegressor"),
        (NNClassifier, {"compile": {"loss": {"BinaryCrossentropy": {"label_smoothing": 0.1}}}}, "label smoothing"),
        (NNRegressor, {"compile": {"optimizer": "adm"}}, "unknown optimizer 'adm'"),
        (NNRegressor, {"fit": {"callbacks": ["EarlyStoping"]}}, "unknown callback 'EarlyStoping'"),
    ],
)
def test_what_cannot_be_a_parameter_is_one_error(cls, changes, message):
    config = {"model": LAYERS, "compile": {"loss": "mse"}, **changes}
    with pytest.raises(ConfigError, match=message):
        cls.from_config(config)


def test_errors_name_file_and_line(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("model:\n  - Dense: {units: 3}\ncompile: {loss: mse}\nfit:\n  epochs: 3\n  initial_epoch: 1\n")
    with pytest.raises(ConfigError, match=r"own\.yaml, line 6, column 3: .*'initial_epoch'"):
        NNRegressor.from_config(file)
    with pytest.raises(ConfigError, match="give positions"):
        NNRegressor.from_config(CONFIGS / "housing_embedding.yaml")


# To configs


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_round_trip_trains_the_same_layers(n_members):
    model = NNClassifier([8, 4], epochs=3, n_members=n_members, random_state=0).fit(X, LABELS)
    config = model.to_config()
    again = NNClassifier.from_config(config).fit(X, LABELS)
    assert again.to_config() == {**config, "seed": again.model_.seed}
    network = again._network()
    assert [type(layer).__name__ for layer in network.layers] == [
        type(layer).__name__ for layer in model._network().layers
    ]


def test_what_nnlite_train_reads(tmp_path):
    rows = "\n".join(",".join(map(str, [*row, label])) for row, label in zip(X, LABELS, strict=True))
    (tmp_path / "iris.csv").write_text(f"a,b,c,d,kind\n{rows}\n")
    model = NNClassifier([8], epochs=80, n_members=1, random_state=0).fit(X, LABELS)
    file = tmp_path / "iris.yaml"
    file.write_text(dump(model.to_config({"source": {"Csv": {"path": "iris.csv", "target": "kind"}}})))
    experiment = Experiment.from_file(file)
    assert experiment.data.split.validation == 0.2
    trained, data = experiment.prepare()
    assert [type(layer).__name__ for layer in trained.layers] == [
        type(layer).__name__ for layer in model._network().layers
    ]
    x, y = data.parts["training"]
    arguments = experiment.fit_arguments(data)
    trained.fit(x, y, validation_data=data.parts["validation"], verbose=0, **arguments)
    assert trained.evaluate(*data.parts["test"], verbose=0)[1] > 0.8
    assert (arguments["epochs"], arguments["batch_size"]) == (80, model._trained_by.batch_size)


def test_a_config_names_the_loss_and_the_patience():
    model = NNRegressor([4], loss=Huber(delta=0.5), n_iter_no_change=2, tol=0.1, **QUICK).fit(X[:, :3], X[:, 3])
    config = model.to_config()
    assert config["compile"]["loss"]["Huber"]["delta"] == 0.5
    stopping = config["fit"]["callbacks"][0]["EarlyStopping"]
    assert (stopping["patience"], stopping["min_delta"]) == (2, 0.1)
    model = NNRegressor([4], early_stopping=False, **QUICK).fit(X[:, :3], X[:, 3])
    assert model.to_config()["fit"]["callbacks"] == []


def test_what_a_config_cannot_hold():
    with pytest.raises(NotFittedError):
        NNRegressor().to_config()
    with pytest.raises(ConfigError, match=r"FunctionLoss\(quartic\)"):
        NNRegressor([4], loss=quartic, **QUICK).fit(X[:, :3], X[:, 3]).to_config()
    levels = np.array([f"l{number % 12}" for number in range(150)], object)
    model = NNRegressor([4], **QUICK).fit(np.column_stack([levels, X.astype(object)]), X[:, 3])
    with pytest.raises(ConfigError, match="CategoryEmbedding"):
        model.to_config()
