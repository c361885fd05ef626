"""NNClassifier and NNRegressor as scikit-learn users know estimators."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import (
    check_methods_subset_invariance,
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)

from nnlite import NNClassifier, NNRegressor, load_model
from nnlite.config import set_floatx
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.layers import Dense, Dropout, Embedding, Flatten, Layer, Normalization
from nnlite.optimizers import SGD

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 4))
LABELS = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
TARGET = 1000.0 + 50.0 * (X[:, 0] - X[:, 2])
QUICK = {"hidden_layer_sizes": 8, "epochs": 20, "learning_rate": 0.01, "random_state": 0}
BOTH = pytest.mark.parametrize(("cls", "y"), [(NNClassifier, LABELS), (NNRegressor, TARGET)])


def expected_failures(estimator):
    # These checks compare to 1e-7, which is the rounding of one float32 operation; float64 passes them, see below.
    exact = ("check_sample_weight_equivalence_on_dense_data", "check_methods_subset_invariance")
    return dict.fromkeys(exact, "the weights are float32")


@parametrize_with_checks([NNClassifier(), NNRegressor()], expected_failed_checks=expected_failures)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_in_float64_a_weight_is_a_number_of_copies_and_rows_are_predicted_alone(cls):
    set_floatx("float64")
    try:
        check_sample_weight_equivalence_on_dense_data(cls.__name__, cls(batch_size=100))
        check_methods_subset_invariance(cls.__name__, cls())
    finally:
        set_floatx("float32")


@pytest.mark.parametrize(
    ("estimator", "load", "least"),
    [
        (NNClassifier(random_state=0), load_breast_cancer, 0.96),
        (NNClassifier(early_stopping=True, random_state=0), load_iris, 0.9),
        (NNRegressor(early_stopping=True, random_state=0), load_diabetes, 0.45),
    ],
)
def test_defaults_learn_raw_tables(estimator, load, least):
    assert cross_val_score(estimator, *load(return_X_y=True), cv=3).mean() >= least


def test_classifier_attributes_and_probabilities():
    model = NNClassifier(**QUICK).fit(X, LABELS)
    assert model.classes_.tolist() == ["no", "yes"]
    assert (model.n_iter_, model.n_features_in_, len(model.history_["loss"])) == (20, 4, 20)
    assert model.loss_ == model.history_["loss"][-1] < model.history_["loss"][0]
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), np.array(["no", "yes"])[probabilities.argmax(axis=1)])
    np.testing.assert_array_equal(model.model_.predict(X, verbose=0), probabilities)
    assert model.score(X, LABELS) > 0.9


def test_certain_predictions_have_a_logarithm_without_warning():
    model = NNClassifier(**QUICK).fit(X, LABELS)
    assert model.predict_log_proba(X * 1e6).min() == -np.inf


def test_one_class_is_predicted():
    assert NNClassifier(**QUICK).fit(X, np.full(60, 7)).predict(X[:2]).tolist() == [7, 7]


def test_regressor_answers_in_the_units_and_shape_of_the_target():
    flat = NNRegressor(**QUICK).fit(X, TARGET)
    column = NNRegressor(**QUICK).fit(X, TARGET[:, None])
    targets = np.column_stack([TARGET, -1e-3 * X[:, 1]])
    both = NNRegressor(**{**QUICK, "epochs": 60}).fit(X, targets)
    assert [model.predict(X).shape for model in (flat, column, both)] == [(60,), (60, 1), (60, 2)]
    np.testing.assert_array_equal(flat.predict(X), column.predict(X)[:, 0])
    assert flat.score(X, TARGET) > 0.9
    assert both.score(X, targets) > 0.9
    np.testing.assert_array_equal(flat.model_.predict(X, verbose=0)[:, 0], flat.predict(X))
    expected = np.mean((flat.predict(X) - TARGET) ** 2)
    assert flat.model_.evaluate(X, TARGET, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_large_offsets_keep_their_digits():
    """Seconds since 1970 differ by less than float32 resolves: scaling must come before rounding."""
    model = NNRegressor(**QUICK).fit(X + 1.7e9, TARGET + 1e9)
    assert model.score(X + 1.7e9, TARGET + 1e9) > 0.9
    assert model.predict(X + 1.7e9).dtype == np.float64


@BOTH
def test_a_constant_feature_has_no_effect(cls, y):
    constant = np.where(np.arange(60) % 2, 0.1, np.nextafter(0.1, 1))  # constant up to rounding
    model = cls(**QUICK).fit(np.column_stack([X, constant]), y)
    assert model.score(np.column_stack([X, constant + 1e-12]), y) > 0.9


@BOTH
def test_standardize_false_hands_the_data_over_as_it_is(cls, y):
    model = cls(**QUICK, standardize=False).fit(X, y)
    assert not any(isinstance(layer, Normalization) for layer in model.model_.layers)
    assert model.model_.layers[0].input_shape == (None, 4)
    scaled = cls(**QUICK).fit(X, y)
    assert scaled.model_.layers[0].name == "standardize_inputs"


@BOTH
def test_same_random_state_same_fit(cls, y):
    first, again, other = (cls(**{**QUICK, "random_state": seed}, dropout=0.2).fit(X, y) for seed in (3, 3, 4))
    assert first.history_ == again.history_ != other.history_
    np.testing.assert_array_equal(first.predict(X), again.predict(X))
    generators = [np.random.RandomState(5) for _ in range(2)]
    fits = [cls(**{**QUICK, "random_state": generator}).fit(X, y) for generator in generators]
    assert fits[0].history_ == fits[1].history_ != fits[0].fit(X, y).history_


@BOTH
def test_fit_starts_afresh_and_leaves_the_layers_alone(cls, y):
    layers = [Dense(8, activation="tanh"), {"Dropout": {"rate": 0.1}}, "BatchNormalization"]
    specs = [layers[0].to_spec(), *layers[1:]]
    model = cls(layers=layers, epochs=3, random_state=0)
    first = model.fit(X, y).history_
    kept = model.model_.layers
    assert model.fit(X, y).history_ == first
    assert clone(model).fit(X, y).history_ == first
    assert not layers[0].built and [layers[0].to_spec(), *layers[1:]] == specs
    assert all(layer is not again for layer, again in zip(kept, model.model_.layers, strict=True))


@BOTH
def test_layers_take_the_place_of_the_hidden_ones(cls, y):
    model = cls(layers=[Dense(5), Dropout(0.5)], hidden_layer_sizes=(7, 7), epochs=1).fit(X, y)
    names = ["Dense", "Dropout", "Dense"]
    assert [type(layer).__name__ for layer in model.model_.layers if not isinstance(layer, Normalization)] == names
    linear = cls(hidden_layer_sizes=(), standardize=False, epochs=1).fit(X, y)
    assert len(linear.model_.layers) == 1


def test_hidden_layers_by_parameters():
    model = NNClassifier(hidden_layer_sizes=[6, 5], activation="tanh", dropout=0.25, epochs=1).fit(X, LABELS)
    _, first, dropout, second, last_dropout, output = model.model_.layers
    assert (first.units, second.units, output.units, dropout.rate, last_dropout.rate) == (6, 5, 2, 0.25, 0.25)
    assert type(first.activation).__name__ == type(second.activation).__name__ == "Tanh"
    assert type(output.activation).__name__ == "Softmax"


def test_layers_by_function_make_the_whole_stack():
    def stack(n_features, n_outputs):
        return [Embedding(3, n_features), Flatten(), Dense(n_outputs, activation="softmax")]

    whole = RANDOM.integers(0, 3, (80, 5))
    middle = whole[:, 0] == 1  # a vector per number separates what no line can
    model = NNClassifier(layers=stack, standardize=False, epochs=60, learning_rate=0.01, random_state=0)
    assert model.fit(whole, middle).score(whole, middle) == 1
    assert model.model_.layers[0].embeddings.shape == (3, 5)


def test_own_normalization_layers_are_adapted():
    model = NNRegressor(layers=[Normalization(), Dense(4)], standardize=False, epochs=1).fit(X + 7, TARGET)
    np.testing.assert_allclose(model.model_.layers[0].moments[0].value, (X + 7).mean(axis=0), rtol=1e-6)


class Halving(Layer):
    share: float = 0.5

    def linearize(self, inputs):
        slope = np.full((), self.share, inputs.dtype)
        return inputs * slope, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))


def test_own_layers_are_copied_by_their_class(monkeypatch):
    """In the worker processes of `n_jobs=2`, a name may stand for nothing, or for an unfinished class."""
    monkeypatch.delitem(Layer._members, "halving")
    model = NNClassifier(**QUICK, layers=[Dense(8), Halving(0.25)]).fit(X, LABELS)
    assert model.model_.layers[2].share == 0.25 and model.score(X, LABELS) > 0.8


def test_optimizer_and_learning_rate():
    given = SGD(momentum=0.9)
    model = NNRegressor(hidden_layer_sizes=8, epochs=2, optimizer=given, random_state=0).fit(X, TARGET)
    assert (model.model_.optimizer.learning_rate, model.model_.optimizer.momentum) == (0.01, 0.9)
    assert given.iterations == 0
    model.set_params(learning_rate=0.5, optimizer={"Adam": {"beta_1": 0.8}}).fit(X, TARGET)
    assert (model.model_.optimizer.learning_rate, model.model_.optimizer.beta_1) == (0.5, 0.8)
    schedule = {"ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5}}
    model.set_params(learning_rate=schedule).fit(X, TARGET)
    assert model.model_.optimizer.learning_rate.decay_steps == 2


def test_batch_size(capsys):
    NNRegressor(epochs=1, batch_size=25, verbose=2).fit(X, TARGET)
    assert "Epoch 1/1  3/3 steps" in capsys.readouterr().out


def test_early_stopping_keeps_the_mix_of_classes():
    with pytest.raises(DataError, match=r"cannot be stratified: of 2 classes .* class 1 has 1 in all"):
        NNClassifier(early_stopping=True).fit(X, np.arange(60) == 0)
    NNRegressor(early_stopping=True, epochs=2).fit(X, (np.arange(60) == 0).astype(float))


@BOTH
def test_early_stopping_goes_back_to_the_best_epoch(cls, y):
    options = {"early_stopping": True, "n_iter_no_change": 3, "validation_fraction": 0.3, "learning_rate": 0.1}
    noise = np.random.default_rng(1).permutation(y)
    model = cls(hidden_layer_sizes=64, epochs=200, random_state=0, **options).fit(X, noise)
    losses = model.history_["val_loss"]
    assert model.n_iter_ == len(losses) == np.argmin(losses) + 1 + 3 < 200
    shortened = cls(hidden_layer_sizes=64, epochs=int(np.argmin(losses)) + 1, random_state=0, **options).fit(X, noise)
    np.testing.assert_array_equal(model.predict(X), shortened.predict(X))


def test_sample_weight_decides_contradictions():
    doubled, labels = np.vstack([X, X]), np.concatenate([LABELS, np.where(LABELS == "yes", "no", "yes")])
    weights = np.repeat([1.0, 0.01], 60)
    assert NNClassifier(**QUICK).fit(doubled, labels, weights).score(X, LABELS) > 0.9
    assert NNClassifier(**QUICK).fit(doubled, labels, weights[::-1]).score(X, LABELS) < 0.1
    targets = np.concatenate([TARGET, TARGET + 100])
    near, far = (NNRegressor(**QUICK).fit(doubled, targets, w).predict(X) for w in (weights, weights[::-1]))
    assert far.mean() - near.mean() == pytest.approx(98, abs=5)


@BOTH
def test_pickled_estimator_predicts_the_same(cls, y):
    model = cls(**QUICK, layers=[Dense(3)]).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.history_ == model.history_


def test_fitted_network_saves_with_its_scaling(tmp_path):
    model = NNRegressor(**QUICK).fit(X, TARGET)
    model.model_.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0)[:, 0], model.predict(X))


def test_pipeline_grid_search_and_data_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(color=np.where(X[:, 3] > 0, "red", "blue"))
    columns = make_column_transformer(
        (MinMaxScaler(), ["a", "b", "c"]), (OneHotEncoder(sparse_output=False), ["color"])
    )
    pipeline = make_pipeline(columns, NNClassifier(**QUICK)).set_output(transform="pandas")
    search = GridSearchCV(
        pipeline, {"nnclassifier__layers": [None, [Dense(4)]], "nnclassifier__dropout": [0.0, 0.2]}, cv=2
    )
    search.fit(frame, pd.Series(LABELS, dtype="category"))
    assert search.best_score_ > 0.85
    assert "minmaxscaler__a" in search.best_estimator_[-1].feature_names_in_
    assert search.predict(frame)[:3].tolist() == search.best_estimator_.predict(frame)[:3].tolist()


def test_float32_stays_float32():
    model = NNRegressor(**QUICK).fit(X.astype(np.float32), TARGET.astype(np.float32))
    assert model.predict(X.astype(np.float32)).dtype == np.float32
    assert {weight.dtype for weight in model.model_.weights} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (False, 0), (1, 2), (True, 2), (5, 2)])
def test_verbose(verbose, lines, capsys):
    NNClassifier(epochs=2, verbose=verbose).fit(X, LABELS)
    assert capsys.readouterr().out.count("loss") == lines


def test_scaling_after_scaling_changes_nothing():
    plain = NNClassifier(**QUICK).fit(X, LABELS)
    twice = make_pipeline(StandardScaler(), NNClassifier(**QUICK)).fit(X, LABELS)
    np.testing.assert_allclose(twice.predict_proba(X), plain.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "The 'epochs' parameter of NNClassifier must be an int in the range"),
        ({"dropout": 1.0}, ValueError, "'dropout' parameter"),
        ({"batch_size": 1.5}, ValueError, "'batch_size' parameter"),
        ({"learning_rate": -1}, ValueError, "'learning_rate' parameter"),
        ({"validation_fraction": 0}, ValueError, "'validation_fraction' parameter"),
        ({"standardize": "yes"}, ValueError, "'standardize' parameter"),
        ({"hidden_layer_sizes": (8, 0)}, ConfigError, r"hidden_layer_sizes\[1\]: must be >= 1, got 0"),
        ({"hidden_layer_sizes": (8, 2.5)}, ConfigError, r"hidden_layer_sizes\[1\]: expected an integer"),
        ({"activation": "rlu"}, ConfigError, "unknown activation function 'rlu'; did you mean 'ReLU'"),
        ({"optimizer": "adm"}, ConfigError, "unknown optimizer 'adm'; did you mean 'Adam'"),
        ({"layers": ["Dens"]}, ConfigError, "unknown layer 'Dens'; did you mean 'Dense'"),
        ({"layers": lambda n, k: [Dense(k)]}, ConfigError, "layers must end in Softmax"),
        ({"layers": lambda n, k: [Dense(3, activation="softmax")]}, ShapeError, "layers must end in 2 outputs"),
        ({"early_stopping": True, "validation_fraction": 1e-3}, DataError, "leaves 0 for validation"),
        ({"optimizer": "sgd", "learning_rate": 1e30}, DataError, "the loss became nan in training: lower the"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        NNClassifier(**parameters).fit(X, LABELS)


@BOTH
def test_bad_data(cls, y):
    with pytest.raises(ValueError, match="contains NaN"):
        cls().fit(np.where(X[3, 1] == X, np.nan, X), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cls().fit(X, y[:-1])
    with pytest.raises(ValueError, match="expecting 4 features"):
        cls(epochs=1).fit(X, y).predict(X[:, :3])
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        cls().fit(X, y, sample_weight=-np.ones(60))


def test_multilabel_targets_are_refused():
    with pytest.raises(ValueError, match="y should be a 1d array"):
        NNClassifier().fit(X, np.column_stack([LABELS == "yes", LABELS == "no"]))
