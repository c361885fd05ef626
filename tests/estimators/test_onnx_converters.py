"""Pipelines of scikit-learn that end in an estimator of nnlite, converted by skl2onnx."""

import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnlite import NNClassifier, NNRegressor
from nnlite.errors import ConfigError
from nnlite.estimators import MLPClassifier, MLPRegressor, register_onnx_converters

pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")
SHORT = {"epochs": 1, "n_members": 2, "random_state": 0}
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(3, 2, size=(60, 4)).astype("float32")
CODES = RANDOM.permutation(np.arange(60) % 3)
TARGETS = {"integers": CODES, "texts": np.array(["low", "mid", "high"])[CODES], "two": (CODES > 0).astype(int)}


def converted(pipeline, **options):
    from skl2onnx import to_onnx

    register_onnx_converters()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = to_onnx(pipeline, X[:1], **options)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: X})


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


def test_a_table_with_text_is_refused():
    table = {"size": X[:, 0], "kind": np.where(CODES > 0, "a", "b")}
    model = NNRegressor(**SHORT).fit(table, X[:, 1])
    with pytest.raises(ConfigError, match=r"export it by estimator\.export"):
        converted(model)
