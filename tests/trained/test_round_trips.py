"""What can be held can be sent: each object of the table by each way, and what comes back does the same."""

import copy
import io
import multiprocessing
import pickle
import warnings

import numpy as np
import pytest
from layers.cases import CASES
from registered import registered

import nnlite
from nnlite import Input, Model, Sequential, callbacks, layers
from nnlite.callbacks import Callback
from nnlite.constraints import Constraint
from nnlite.data import Classes, Columns, Numeric
from nnlite.estimators import MLPClassifier, NNClassifier, NNRegressor, NNTransformer
from nnlite.features import FeatureSpace
from nnlite.initializers import Initializer
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.metrics import Metric
from nnlite.optimizers import Optimizer
from nnlite.registry.pickling import KEY, OtherVersionWarning
from nnlite.regularizers import Regularizer
from nnlite.schedules import LearningRateSchedule

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 2
IMAGES = np.random.default_rng(1).normal(size=(4, 8, 8, 2)).astype(np.float32)
WORDS = np.array([[1, 2, 0], [3, 1, 2]])


def plain_model():
    model = Sequential([Input((3,)), layers.BatchNormalization(), layers.Dense(4, "gelu"), layers.Dropout(0.5),
                        layers.Dense(1, "sigmoid")], seed=0)  # fmt: skip
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    model.fit(X, Y, epochs=1, verbose=0)
    return model


def image_model():
    return Sequential([Input((8, 8, 2)), layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(),
                       layers.AveragePooling2D(padding="same"), layers.Flatten(), layers.Dense(2, "softmax")],
                      seed=0)  # fmt: skip


def text_model():
    return Sequential([Input((3,)), layers.Embedding(5, 4, mask_zero=True), layers.LSTM(3), layers.Dense(1)], seed=0)


def graph_model():
    left, right = Input((3,), name="left"), Input((3,), name="right")
    both = layers.Add()([layers.Dense(4, activation="relu")(left), layers.Dense(4)(right)])
    return Model([left, right], [layers.Dense(1)(both), layers.Dense(2)(both)], seed=0)


def trained_model():
    model = plain_model()
    model.encoder = Columns([Numeric(name, 0.0, 0.0, 1.0) for name in "abc"])
    model.target = Classes("kind", ["no", "yes"], "binary")
    return nnlite.trained.TrainedModel(model)


def feature_space():
    space = FeatureSpace({"a": "float_normalized", "b": "string_categorical"})
    space.adapt({"a": X[:, 0], "b": np.array(["x", "y"] * 20)})
    return space


def built_layer():
    layer = layers.Dense(4, "relu")
    layer(X)
    return layer


def used_optimizer():
    return plain_model().optimizer


def used_metric():
    metric = nnlite.metrics.AUC()
    metric.update_state(Y, X[:, 0] > 0)
    return metric


def used_stopper():
    stopper = callbacks.EarlyStopping("loss", patience=3)
    plain_model().fit(X, Y, epochs=3, verbose=0, callbacks=[stopper])
    return stopper


def fitted(estimator):
    return estimator.fit(X, Y)


def outputs(value):
    """Arrays, numbers, and tuples of them as a list of arrays."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    return [np.asarray(part) for part in parts]


# name -> how it is made, and what it does
TABLE = {
    "model": (plain_model, lambda it: it.predict(X, verbose=0)),
    "model, trained on": (plain_model, lambda it: it.fit(X, Y, epochs=2, verbose=0).history["loss"]),
    "model that is not built": (lambda: Sequential([layers.Dense(2)], seed=3), lambda it: it.predict(X, verbose=0)),
    "graph": (graph_model, lambda it: it.predict([X, X], verbose=0)),
    "predictor": (lambda: plain_model().compile_predict(), lambda it: it(X)),
    "predictor that was used": (lambda: plain_model().compile_predict(7), lambda it: it(X)),
    "predictor of images": (lambda: image_model().compile_predict(), lambda it: it(IMAGES)),
    "predictor of words": (lambda: text_model().compile_predict(), lambda it: it(WORDS)),
    "predictor of a graph": (lambda: graph_model().compile_predict(), lambda it: it([X, X])),
    "trained model": (trained_model, lambda it: it.predict([{"a": 0.1, "b": 1.0, "c": -2.0}])),
    "feature space": (feature_space, lambda it: it({"a": X[:, 0], "b": np.array(["x", "z"] * 20)})),
    "layer": (lambda: layers.Dense(4, "relu"), lambda it: it.units),
    "built layer": (built_layer, lambda it: it(X)),
    "optimizer with memory": (used_optimizer, lambda it: [it.iterations, *it.get_state()["slots"][0].values()]),
    "metric with counts": (used_metric, lambda it: it.result()),
    "callback with a state": (used_stopper, lambda it: [it.get_state()["best"]]),
    "classifier": (lambda: fitted(NNClassifier(epochs=2, random_state=0)), lambda it: it.predict_proba(X)),
    "regressor": (lambda: fitted(NNRegressor(epochs=2, random_state=0)), lambda it: it.predict(X)),
    "transformer": (lambda: fitted(NNTransformer(NNClassifier(epochs=2, random_state=0))), lambda it: it.transform(X)),
    "perceptron": (lambda: fitted(MLPClassifier(max_iter=200, random_state=0, solver="lbfgs")),
                   lambda it: it.predict_proba(X)),
    "activation": (lambda: nnlite.ops.GELU(), lambda it: it(X)),
}  # fmt: skip


def by_cloudpickle(value):
    return pickle.loads(pytest.importorskip("cloudpickle").dumps(value))


def by_joblib(value):
    joblib, file = pytest.importorskip("joblib"), io.BytesIO()
    joblib.dump(value, file)
    file.seek(0)
    return joblib.load(file)


WAYS = {
    "pickle 2": lambda value: pickle.loads(pickle.dumps(value, 2)),
    "pickle 5": lambda value: pickle.loads(pickle.dumps(value, 5)),
    "deepcopy": copy.deepcopy,
    "cloudpickle": by_cloudpickle,
    "joblib": by_joblib,
}


@pytest.mark.parametrize("name", TABLE)
def test_there_and_back(name):
    make, use = TABLE[name]
    value = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twins = {way: send(value) for way, send in WAYS.items()}
        twins["twice"] = WAYS["pickle 5"](WAYS["pickle 5"](value))
    expected, results = outputs(use(value)), {way: outputs(use(twin)) for way, twin in twins.items()}
    for way, result in results.items():
        for one, other in zip(expected, result, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=way)


def _use(name, value):
    return outputs(TABLE[name][1](value))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_into_another_process_and_back(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this platform")
    names = [name for name in TABLE if name != "transformer"]
    values = {name: TABLE[name][0]() for name in names}
    with multiprocessing.get_context(method).Pool(1) as pool:
        found = pool.starmap(_use, values.items())
    for name, result in zip(names, found, strict=True):
        for one, other in zip(_use(name, values[name]), result, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)


FAMILIES = [Layer, Loss, Metric, Optimizer, Callback, Initializer, Regularizer, Constraint, LearningRateSchedule]
CLASSES = [cls for family in FAMILIES for cls in registered(family).values()]
# Arguments of those that need some.
ARGUMENTS = [{}, {"filepath": "a.safetensors"}, {"num_classes": 3}, {"learning_rate": 0.1}, {"patience": 3},
             {"initial_learning_rate": 0.1, "decay_steps": 10}, {"recall": 0.5}, {"precision": 0.5}, {"filename": "a"},
             {"sensitivity": 0.5}, {"specificity": 0.5}, {"initial_learning_rate": 0.1, "decay_steps": 3,
             "decay_rate": 0.5}, {"factor": 0.5}, {"units": 2},
             {"num_classes": 3, "target_class_ids": [0]}]  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls._family}-{cls.__name__}")
def test_every_registered_class(cls):
    for arguments in ARGUMENTS:
        try:
            value = cls.from_config(arguments)
        except (ValueError, TypeError):
            continue
        config = value.get_config()  # a name that was made goes with it
        for way, send in WAYS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("error", OtherVersionWarning)
                twin = send(value)
            assert type(twin) is cls and twin.get_config() == config, way
        return
    pytest.skip("needs other arguments")


FIRST_OF_EACH = list({case.layer: case for case in reversed(CASES)}.values())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer(case):
    layer, inputs = case.prepared()
    ways = WAYS if case in FIRST_OF_EACH else {way: WAYS[way] for way in ("pickle 5", "deepcopy")}
    twins = {way: send(layer) for way, send in ways.items()}  # before it is used: states may move
    expected = layer(inputs)
    for way, twin in twins.items():
        for one, other in zip(outputs(expected), outputs(twin(inputs)), strict=True):
            np.testing.assert_array_equal(one, other, err_msg=way)


@pytest.mark.parametrize("name", ["model", "predictor", "trained model", "layer", "classifier", "perceptron"])
def test_another_version_is_told(name, monkeypatch):
    value = TABLE[name][0]()
    assert KEY in value.__getstate__() and KEY not in vars(value)
    content = pickle.dumps(value)
    monkeypatch.setattr(nnlite, "__version__", "9.9")
    with pytest.warns(OtherVersionWarning, match="by nnlite 0.*is read by nnlite 9.9") as caught:
        pickle.loads(content)
    assert type(value).__name__ in "".join(str(warning.message) for warning in caught)
