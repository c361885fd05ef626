"""Keras's wrappers of models as estimators of scikit-learn."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nnlite import Input, Sequential
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import Dense
from nnlite.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

ROWS = np.random.default_rng(0).standard_normal((60, 3))
SUMS = ROWS.sum(axis=1)
QUIET = {"epochs": 2, "verbose": 0}


def network(X, y, units=1, activation=None):
    model = Sequential([Input((X.shape[1],)), Dense(units, activation=activation)], seed=0)
    model.compile("adam", "mse")
    return model


def classes(X, y):
    return network(X, y, y.shape[1], "softmax")


def test_each_fit_trains_a_new_model_unless_it_starts_warm():
    compiled = network(ROWS, SUMS)
    before = compiled.get_weights()
    regressor = SKLearnRegressor(compiled, fit_kwargs=QUIET).fit(ROWS, SUMS)
    first = regressor.model_
    assert regressor.fit(ROWS, SUMS, epochs=3).model_ is not first and regressor.epoch_ == 3
    assert [(old == new).all() for old, new in zip(before, compiled.get_weights(), strict=True)] == [True, True]
    warm = SKLearnRegressor(compiled, warm_start=True, fit_kwargs=QUIET).fit(ROWS, SUMS)
    assert warm.fit(ROWS, SUMS).model_ is warm.model_ and warm.model_.optimizer.iterations == 8


def test_regressors_go_through_the_tools_of_scikit_learn():
    regressor = SKLearnRegressor(network, model_kwargs={"units": 1}, fit_kwargs={"epochs": 150, "verbose": 0})
    assert clone(regressor).get_params()["model_kwargs"] == {"units": 1}
    pipeline = make_pipeline(StandardScaler(), SKLearnRegressor(network, fit_kwargs={"epochs": 900, "verbose": 0}))
    assert pipeline.fit(ROWS, SUMS).score(ROWS, SUMS) > 0.9
    assert cross_val_score(clone(regressor), ROWS, SUMS, cv=2).shape == (2,)
    search = GridSearchCV(regressor, {"fit_kwargs": [QUIET, {"epochs": 300, "verbose": 0}]}, cv=2).fit(ROWS, SUMS)
    assert search.best_params_["fit_kwargs"]["epochs"] == 300
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict(ROWS), pipeline.predict(ROWS))


def test_classifiers_answer_with_names():
    names = np.where(SUMS > 0, "up", "down")
    classifier = SKLearnClassifier(classes, fit_kwargs={"epochs": 900, "verbose": 0}).fit(ROWS, names)
    assert classifier.classes_.tolist() == ["down", "up"] and classifier.score(ROWS, names) > 0.9
    assert classifier.decision_function(ROWS).shape == (60, 2)
    with pytest.raises(DataError, match="only one class is present"):
        classifier.fit(ROWS, np.zeros(60))
    with pytest.raises(ValueError, match="continuous"):
        classifier.fit(ROWS, SUMS)


def test_a_warm_start_keeps_the_classes_of_the_first_fit():
    names = np.repeat(["a", "b", "c"], 20)
    classifier = SKLearnClassifier(classes, warm_start=True, fit_kwargs=QUIET).fit(ROWS, names)
    assert classifier.fit(ROWS[20:], names[20:]).classes_.tolist() == ["a", "b", "c"]
    assert classifier.fit(ROWS[:20], names[:20]).decision_function(ROWS).shape == (60, 3)
    with pytest.raises(DataError, match=r"has the classes \['a', 'b', 'c'\], got \['d'\] too"):
        classifier.fit(ROWS, np.repeat(["b", "c", "d"], 20))


def test_transformers_give_features():
    transformer = SKLearnTransformer(network, fit_kwargs=QUIET)
    assert transformer.fit_transform(ROWS, SUMS).shape == (60, 1)


def test_refused_models_and_rows():
    with pytest.raises(NotFittedError):
        SKLearnRegressor(network).predict(ROWS)
    fitted = SKLearnRegressor(network, fit_kwargs=QUIET).fit(ROWS, SUMS)
    with pytest.raises(ShapeError, match="X has 2 features, but SKLearnRegressor is expecting 3"):
        fitted.predict(ROWS[:, :2])
    for model in (Sequential([Dense(1)]), lambda X, y: 3):
        with pytest.raises(ConfigError, match="SKLearnRegressor needs a compiled model"):
            SKLearnRegressor(model).fit(ROWS, SUMS)
