"""Pipelines of scikit-learn that end in an estimator of nnlite, converted by skl2onnx."""

import warnings

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnlite import NNClassifier, NNRegressor
from nnlite.errors import ConfigError
from nnlite.estimators import MLPClassifier, MLPRegressor, NNAutoencoder, NNTransformer, register_onnx_converters

pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")
SHORT = {"epochs": 1, "n_members": 2, "random_state": 0}
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(3, 2, size=(60, 4)).astype("float32")
CODES = RANDOM.permutation(np.arange(60) % 3)
TARGETS = {
    "integers": CODES,
    "texts": np.array(["low", "mid", "high"])[CODES],
    "two": (CODES > 0).astype(int),
    "booleans": CODES > 0,
    "whole": CODES * 2.0,
}


def converted(pipeline, rows=X, **options):
    """The outputs for rows, an array or a DataFrame."""
    from skl2onnx import to_onnx

    register_onnx_converters()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = to_onnx(pipeline, rows[:1], **options)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ports = session.get_inputs()
    feed = {port.name: rows[[port.name]].to_numpy() for port in ports} if len(ports) > 1 else {ports[0].name: rows}
    return session.run(None, feed)


@pytest.mark.parametrize("labels", TARGETS)
@pytest.mark.parametrize("model", [NNClassifier(**SHORT), MLPClassifier(max_iter=3)], ids=lambda m: type(m).__name__)
@pytest.mark.filterwarnings("ignore")
def test_a_classifier(model, labels):
    pipeline = make_pipeline(StandardScaler(), model).fit(X, TARGETS[labels])
    label, probabilities = converted(pipeline, options={"zipmap": False})
    np.testing.assert_array_equal(label, pipeline.predict(X))
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(X), atol=1e-6)
    _, named = converted(pipeline)
    assert list(named[0]) == pipeline.classes_.tolist()


@pytest.mark.parametrize("model", [NNRegressor(**SHORT), MLPRegressor(max_iter=3)], ids=lambda m: type(m).__name__)
@pytest.mark.filterwarnings("ignore")
def test_a_regressor(model):
    target = X[:, 0] * 5 - X[:, 1]
    pipeline = make_pipeline(StandardScaler(), model).fit(X, target)
    (outputs,) = converted(pipeline)
    np.testing.assert_allclose(
        outputs[:, 0], pipeline.predict(X), atol=1e-6 * np.ptp(target)
    )  # the scaler is float32 there


@pytest.mark.parametrize("model", [NNClassifier(**SHORT), MLPClassifier(max_iter=3)], ids=lambda m: type(m).__name__)
@pytest.mark.filterwarnings("ignore")
def test_several_labels_of_a_row(model):
    labels = (X[:, :3] > 3).astype(int)
    model = model.fit(X, labels)
    label, probabilities = converted(model, options={"zipmap": False})
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_options_of_scikit_learn():
    model = NNClassifier(**SHORT).fit(X, TARGETS["texts"])
    label, scores = converted(model, options={"zipmap": False, "raw_scores": True})
    np.testing.assert_allclose(scores, model.decision_function(X), atol=1e-5)
    label, _ = converted(model, options={"zipmap": False, "nocl": True})
    np.testing.assert_array_equal(model.classes_[label], model.predict(X))
    two = NNClassifier(**SHORT).fit(X, TARGETS["two"])
    _, scores = converted(two, options={"zipmap": False, "raw_scores": True})
    np.testing.assert_allclose(scores[:, 1], two.decision_function(X), atol=1e-5)


@pytest.mark.parametrize("labels", ["texts", "two"])
@pytest.mark.filterwarnings("ignore")
def test_probabilities_that_scikit_learn_calibrates(labels):
    """Its converter asks for `raw_scores`, as scikit-learn calibrates what `decision_function` says."""
    model = CalibratedClassifierCV(NNClassifier(**SHORT), cv=2).fit(X, TARGETS[labels])
    label, probabilities = converted(model, options={"zipmap": False})
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-6)


def test_double_inputs_give_double_outputs():
    model = NNClassifier(**SHORT).fit(X.astype(float), CODES)
    _, probabilities = converted(model, X.astype(float), options={"zipmap": False})
    assert probabilities.dtype == np.float64
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-6)


def test_numbers_with_gaps():
    rows = X.copy()
    rows[::5, 1] = np.nan
    model = NNRegressor(**SHORT).fit(rows, np.c_[X[:, 0], -X[:, 1]])
    (outputs,) = converted(model, rows)
    np.testing.assert_allclose(outputs, model.predict(rows), atol=1e-5)


def test_a_table_column_by_column():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"size": X[:, 0], "kind": np.where(CODES > 0, "a", "b"), "age": X[:, 1]})
    model = NNClassifier(**SHORT).fit(table, TARGETS["texts"])
    label, probabilities = converted(model, table, options={"zipmap": False})
    np.testing.assert_array_equal(label, model.predict(table))
    np.testing.assert_allclose(probabilities, model.predict_proba(table), atol=1e-6)
    with pytest.raises(ConfigError, match="no input is its column age"):
        converted(model, table[["size", "kind"]])
    with pytest.raises(ConfigError, match=r"column 'kind' of the estimator holds a category, the input .* is float32"):
        converted(model, table.assign(kind=X[:, 2]))


@pytest.mark.parametrize("transformer", [NNAutoencoder(2, epochs=1), NNTransformer(NNRegressor(**SHORT))], ids=str)
def test_a_transformer_and_what_follows_it(transformer):
    pipeline = make_pipeline(StandardScaler(), transformer, MLPRegressor(max_iter=2)).fit(X, X[:, 0])
    (features,) = converted(pipeline[:-1])
    np.testing.assert_allclose(features, pipeline[:-1].transform(X), atol=1e-5)
    (outputs,) = converted(pipeline)
    np.testing.assert_allclose(outputs[:, 0], pipeline.predict(X), atol=1e-5)


def test_labels_that_are_fractions_are_refused():
    model = MLPClassifier(max_iter=1).fit(X, CODES)
    model.classes_ = model.classes_ + 0.5
    with pytest.raises(ConfigError, match="labels in ONNX are integers or texts"):
        converted(model, options={"zipmap": False})
