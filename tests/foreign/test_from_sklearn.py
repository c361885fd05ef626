"""Multi-layer perceptrons of scikit-learn as models."""

import numpy as np
import pytest

import nnlite
from nnlite.errors import ConfigError, NotReadyError

neural_network = pytest.importorskip("sklearn.neural_network")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_probabilities_and_numbers_are_the_same(activation):
    options = {"hidden_layer_sizes": (5, 3), "activation": activation, "max_iter": 3, "random_state": 0}
    three = neural_network.MLPClassifier(**options).fit(X, RANDOM.integers(0, 3, 60))
    np.testing.assert_allclose(nnlite.from_sklearn(three).predict(X, verbose=0), three.predict_proba(X), atol=1e-12)
    two = neural_network.MLPClassifier(**options).fit(X, RANDOM.integers(0, 2, 60))
    np.testing.assert_allclose(nnlite.from_sklearn(two).predict(X, verbose=0), two.predict_proba(X)[:, 1:], atol=1e-12)
    several = neural_network.MLPRegressor(**options).fit(X, X[:, :2])
    np.testing.assert_allclose(nnlite.from_sklearn(several).predict(X, verbose=0), several.predict(X), atol=1e-12)
    single = neural_network.MLPRegressor(**options).fit(X.astype("float32"), X[:, 0])
    model = nnlite.from_sklearn(single)
    np.testing.assert_allclose(model.predict(X, verbose=0)[:, 0], single.predict(X.astype("float32")), atol=1e-6)


def test_what_is_no_fitted_perceptron():
    with pytest.raises(NotReadyError, match="call fit first"):
        nnlite.from_sklearn(neural_network.MLPClassifier())
    with pytest.raises(ConfigError, match="takes an MLPClassifier or MLPRegressor"):
        nnlite.from_sklearn(3)
