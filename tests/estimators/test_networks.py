"""The networks that the parameters of NNClassifier and NNRegressor describe, and what they predict."""

import numpy as np
import pytest
from quick import BOTH, ENOUGH, LABELS, QUICK, TARGET, X, outputs
from sklearn.base import clone

from nnlite import NNClassifier, NNRegressor
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import (
    Clip,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Layer,
    Normalization,
    RepeatVector,
    RobustScaling,
    Scale,
    TemperatureScaling,
)
from nnlite.losses import BinaryCrossentropy, CategoricalCrossentropy, MeanAbsoluteError

WHOLE = np.random.default_rng(2).integers(0, 3, (80, 5))


def kinds(model):
    return [type(layer) for layer in model.model_.layers]


def test_classifier_predicts_labels_probabilities_and_scores():
    model = NNClassifier(**ENOUGH).fit(X, LABELS)
    assert model.classes_.tolist() == ["no", "yes"]
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities), rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), np.array(["no", "yes"])[probabilities.argmax(axis=1)])
    odds = np.log(probabilities[:, 1] / probabilities[:, 0])
    np.testing.assert_allclose(model.decision_function(X), odds, rtol=1e-9)
    np.testing.assert_array_equal(model.predict(X) == "yes", model.decision_function(X) > 0)
    assert model.score(X, LABELS) > 0.9
    three = NNClassifier(**QUICK).fit(X, np.arange(80) % 3)
    np.testing.assert_allclose(three.decision_function(X), three.predict_log_proba(X), rtol=1e-9)


def test_labels_side_by_side():
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 9]).astype(int)
    model = NNClassifier(**ENOUGH).fit(X, labels)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (80, 3) and model.n_outputs_ == 3
    np.testing.assert_array_equal(model.predict(X), (probabilities > 0.5).astype(int))
    np.testing.assert_allclose(model.decision_function(X), np.log(probabilities / (1 - probabilities)), rtol=1e-6)
    assert (model.predict(X) == labels).mean() > 0.9
    np.testing.assert_array_equal(model.oof_prediction_.shape, (80, 3))
    with pytest.raises(ConfigError, match=r"y has 2 columns of classes.*MultiOutputClassifier"):
        NNClassifier().fit(X, np.column_stack([np.arange(80) % 3, np.arange(80) % 4]))


def test_certain_predictions_have_a_logarithm_without_warning():
    model = NNClassifier(**ENOUGH, standardize=False, early_stopping=False).fit(X, LABELS)
    assert model.predict_log_proba(X * 1e6).min() == -np.inf
    assert np.isfinite(model.decision_function(X * 1e6)).all()


def test_one_class_is_predicted():
    assert NNClassifier(**QUICK).fit(X, np.full(80, 7)).predict(X[:2]).tolist() == [7, 7]


def test_regressor_answers_in_the_units_and_shape_of_the_target():
    flat, column = (NNRegressor(**ENOUGH).fit(X, y) for y in (TARGET, TARGET[:, None]))
    targets = np.column_stack([TARGET, -1e-3 * X[:, 1]])
    both = NNRegressor(**ENOUGH).fit(X, targets)
    assert [model.predict(X).shape for model in (flat, column, both)] == [(80,), (80, 1), (80, 2)]
    assert [model.oof_prediction_.shape for model in (flat, column, both)] == [(80,), (80, 1), (80, 2)]
    np.testing.assert_array_equal(flat.predict(X), column.predict(X)[:, 0])
    assert flat.score(X, TARGET) > 0.8 and both.score(X, targets) > 0.8
    assert [m.predict(X, return_jacobian=True)[1].shape for m in (flat, both)] == [(80, 4), (80, 2, 4)]


def test_targets_are_scaled_whatever_standardize_says():
    for standardize in (True, False):
        assert NNRegressor(**ENOUGH, standardize=standardize).fit(X, 1e6 * TARGET).score(X, 1e6 * TARGET) > 0.7


def test_the_recipe_is_made_of_layers_that_a_model_of_ones_own_can_have():
    assert kinds(NNClassifier(**QUICK).fit(X, LABELS)) == [
        *(RobustScaling, RepeatVector, Scale, Dense, Dropout, Dense, TemperatureScaling, GlobalAveragePooling1D)
    ]
    found = kinds(NNRegressor(**QUICK, n_members=1).fit(X, TARGET))
    assert found[0] is RobustScaling and found[-4:] == [Dropout, Dense, Clip, Normalization]


def test_members_that_learn_numbers_from_many_rows_have_no_dropout():
    rows = np.random.default_rng(0).normal(size=(2_001, 2))
    options = {"hidden_layer_sizes": 2, "epochs": 1, "n_members": 2}
    assert Dropout not in kinds(NNRegressor(**options).fit(rows, rows[:, 0]))
    assert Dropout in kinds(NNRegressor(**options).fit(rows[1:], rows[1:, 0]))
    for other in ({"dropout": 0.1}, {"monotonic_cst": [1, 0]}, {"n_members": 1}):
        assert Dropout in kinds(NNRegressor(**{**options, **other}).fit(rows, rows[:, 0]))
    assert Dropout in kinds(NNClassifier(**options).fit(rows, rows[:, 0] > 0))


@BOTH
@pytest.mark.parametrize(("name", "same"), [("logistic", "sigmoid"), ("identity", "linear")])
def test_activations_by_the_names_of_scikit_learn(cls, y, name, same):
    usual = cls(**QUICK, activation=same).fit(X, y)
    np.testing.assert_array_equal(outputs(cls(**QUICK, activation=name).fit(X, y), X), outputs(usual, X))


def test_hidden_layers_by_parameters():
    model = NNClassifier(hidden_layer_sizes=[6, 5], activation="tanh", dropout=0.25, epochs=1, n_members=1)
    layers = model.fit(X, LABELS).model_.layers
    dense, dropout = ([layer for layer in layers if type(layer) is kind] for kind in (Dense, Dropout))
    assert [layer.units for layer in dense] == [6, 5, 2] and [layer.rate for layer in dropout] == [0.25, 0.25]
    assert [type(layer.activation).__name__ for layer in dense[:2]] == ["Tanh", "Tanh"]
    assert Dropout not in kinds(clone(model).set_params(dropout=0.0).fit(X, LABELS))
    linear = NNRegressor(hidden_layer_sizes=(), standardize=False, epochs=1, n_members=1, optimizer="adam")
    assert kinds(linear.fit(X, TARGET)) == [Dense, Clip, Normalization]


@BOTH
def test_layers_take_the_place_of_the_hidden_ones(cls, y):
    model = cls(layers=[Dense(5), Dropout(0.5)], hidden_layer_sizes=(7, 7), epochs=1).fit(X, y)
    assert kinds(model)[:4] == [RobustScaling, Dense, Dropout, Dense] and model.model_.layers[1].units == 5


@BOTH
def test_fit_starts_afresh_and_leaves_the_layers_alone(cls, y):
    layers = [Dense(8, activation="tanh"), {"Dropout": {"rate": 0.1}}, "BatchNormalization"]
    specs = [layers[0].to_spec(), *layers[1:]]
    model = cls(layers=layers, epochs=3, random_state=0)
    first = model.fit(X, y).history_
    kept = model.model_.layers
    assert model.fit(X, y).history_ == first == clone(model).fit(X, y).history_
    assert not layers[0].built and [layers[0].to_spec(), *layers[1:]] == specs
    assert all(layer is not again for layer, again in zip(kept, model.model_.layers, strict=True))


def test_layers_by_function_make_the_whole_stack():
    def stack(n_features, n_outputs):
        return [Embedding(3, n_features), Flatten(), Dense(n_outputs, activation="softmax")]

    middle = WHOLE[:, 0] == 1  # a vector per number separates what no line can
    model = NNClassifier(layers=stack, standardize=False, epochs=60, learning_rate=0.03, random_state=0)
    assert model.fit(WHOLE, middle).score(WHOLE, middle) == 1
    assert model.model_.layers[0].embeddings.shape == (3, 5)


class Halving(Layer):
    share: float = 0.5

    def linearize(self, inputs):
        slope = np.full((), self.share, inputs.dtype)
        return inputs * slope, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))


def test_own_layers_are_copied_by_their_class(monkeypatch):
    """In the worker processes of `n_jobs=2`, a name may stand for nothing, or for an unfinished class."""
    monkeypatch.delitem(Layer._members, "halving")
    model = NNClassifier(**QUICK, layers=[Dense(8), Halving(0.25)]).fit(X, LABELS)
    assert model.model_.layers[2].share == 0.25


def test_losses_by_name_or_object():
    outlier = np.r_[TARGET[:-1], 1e6]
    by_square, by_distance = (
        NNRegressor(**{**ENOUGH, "epochs": 80}, loss=loss).fit(X, outlier).predict(X)
        for loss in ("auto", MeanAbsoluteError())
    )
    assert np.abs(by_distance - outlier)[:-1].mean() < np.abs(by_square - outlier)[:-1].mean()
    smooth = NNClassifier(**ENOUGH, loss={"SparseCategoricalCrossentropy": {}}).fit(X, LABELS)
    np.testing.assert_array_equal(smooth.predict_proba(X), NNClassifier(**ENOUGH).fit(X, LABELS).predict_proba(X))
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    smoothed = NNClassifier(**QUICK, loss=BinaryCrossentropy(label_smoothing=0.2)).fit(X, labels)
    assert smoothed.loss_ != NNClassifier(**QUICK).fit(X, labels).loss_


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"epochs": 0}, ConfigError, "The 'epochs' parameter of NNClassifier must be an int in the range"),
        ({"dropout": 1.0}, ConfigError, "'dropout' parameter"),
        ({"batch_size": 1.5}, ConfigError, "'batch_size' parameter"),
        ({"learning_rate": -1}, ConfigError, "'learning_rate' parameter"),
        ({"learning_rate": "fast"}, ConfigError, "'auto' or 'constant' or 'invscaling' or 'adaptive'. Got 'fast'"),
        ({"alpha": -1.0}, ConfigError, "'alpha' parameter"),
        ({"tol": -1.0}, ConfigError, "'tol' parameter"),
        ({"n_iter_no_change": 0}, ConfigError, "'n_iter_no_change' parameter"),
        ({"n_members": 0}, ConfigError, "'n_members' parameter"),
        ({"validation_fraction": 0}, ConfigError, "'validation_fraction' parameter"),
        ({"standardize": "yes"}, ConfigError, "'standardize' parameter"),
        ({"random_state": -1}, ConfigError, "'random_state' parameter"),
        ({"hidden_layer_sizes": (8, 0)}, ConfigError, r"hidden_layer_sizes\[1\]: must be >= 1, got 0"),
        ({"hidden_layer_sizes": (8, 2.5)}, ConfigError, r"hidden_layer_sizes\[1\]: expected an integer"),
        ({"activation": "rlu"}, ConfigError, "unknown activation function 'rlu'; did you mean"),
        ({"optimizer": "adm"}, ConfigError, "unknown optimizer 'adm'; did you mean 'Adam'"),
        ({"loss": "logloss"}, ConfigError, "unknown loss 'logloss'"),
        ({"layers": ["Dens"]}, ConfigError, "unknown layer 'Dens'; did you mean 'Dense'"),
        ({"layers": lambda n, k: [Dense(k)]}, ConfigError, "layers must end in Softmax"),
        ({"layers": lambda n, k: [Dense(3, activation="softmax")]}, ShapeError, "layers must end in 2 outputs"),
    ],
)
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        NNClassifier(**parameters).fit(X, LABELS)


@BOTH
def test_bad_data(cls, y):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cls(**QUICK).fit(X, y[:-1])
    with pytest.raises(ValueError, match="expecting 4 features"):
        cls(**QUICK).fit(X, y).predict(X[:, :3])
    with pytest.raises(ValueError, match="row 3: infinity is not a number"):
        cls(**QUICK).fit(np.where(X[3, 1] == X, np.inf, X), y)
    with pytest.raises(ValueError, match=r"y cannot be None|requires y to be passed"):
        cls(**QUICK).fit(X, None)
    with pytest.raises(ValueError, match="contains NaN"):
        cls(**QUICK).fit(X, np.r_[np.nan, np.arange(79.0)])


def test_dense_losses_of_classes_are_refused_where_they_do_not_fit():
    with pytest.raises(ValueError):
        NNClassifier(**QUICK, loss=CategoricalCrossentropy()).fit(X, LABELS)
