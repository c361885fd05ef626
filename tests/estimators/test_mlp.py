"""MLPClassifier and MLPRegressor as scikit-learn's documentation describes them."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nnlite import MLPClassifier, MLPRegressor, load_model
from nnlite.estimators.mlp import stochastic
from nnlite.estimators.mlp.objectives import objective_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 4))
TARGET = X[:, 0] - 2 * X[:, 2]
TWO = np.where(TARGET > 0, "yes", "no")
THREE = np.digitize(TARGET, [-1, 1]) * 10
LABELS = (X[:, :3] + X[:, 1:] > 0).astype(int)
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 15, "random_state": 0}
BOTH = pytest.mark.parametrize(("cls", "y"), [(MLPClassifier, TWO), (MLPClassifier, THREE), (MLPRegressor, TARGET)])
SOLVERS = pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])


@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)


# classes, labels and targets


@pytest.mark.parametrize("names", [["b", "a"], [7, -1], [2.0, 1.0], [True, False]])
def test_classes_of_any_type_come_back(names):
    y = np.array(names)[(TARGET > 0).astype(int)]
    model = MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
    assert model.classes_.tolist() == sorted(names)
    assert model.classes_.dtype == model.predict(X).dtype == y.dtype
    assert model.score(X, y) == 1
    assert model.predict_proba(X).shape == (90, 2)
    assert model.n_outputs_ == 1
    assert model.out_activation_ == "logistic"


def test_labels_of_an_object_array():
    model = MLPClassifier(**QUICK).fit(X, TWO.astype(object))
    assert set(model.predict(X)) <= {"yes", "no"}


def test_probabilities_add_up_and_give_the_labels():
    model = MLPClassifier(**QUICK).fit(X, THREE)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities))
    assert model.out_activation_ == "softmax"


def test_small_probabilities_are_exact():
    model = MLPClassifier(**QUICK).fit(X, TWO)
    model.coefs_, model.intercepts_ = [0 * coef for coef in model.coefs_], [0 * model.intercepts_[0], np.array([-50.0])]
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], np.exp(-50), rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X)[:, 1], -50)
    model.intercepts_[1][...] = -1000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (model.predict_log_proba(X)[:, 1] == -np.inf).all()


@pytest.mark.parametrize("form", [np.array, scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_samples_with_several_labels(form):
    model = MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0).fit(X, form(LABELS))
    found = model.predict(X)
    assert type(found) is type(form(LABELS))
    dense = found if isinstance(found, np.ndarray) else found.toarray()
    assert (dense == LABELS).mean() > 0.95
    assert model.predict_proba(X).shape == LABELS.shape
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.n_outputs_ == 3


def test_a_single_label_is_a_label():
    model = MLPClassifier(**QUICK).partial_fit(X, LABELS[:, :2], classes=[0, 1])
    assert model.predict(X).shape == model.predict_proba(X).shape == (90, 2)


def test_one_class_is_predicted():
    model = MLPClassifier(**QUICK).fit(X, np.full(90, "only"))
    assert set(model.predict(X)) == {"only"}


@pytest.mark.parametrize("y", [TARGET, np.column_stack([THREE, THREE])])
def test_targets_that_are_no_classes_are_refused(y):
    with pytest.raises(ValueError, match=r"Unknown label type|Multioutput target data is not supported"):
        MLPClassifier(**QUICK).fit(X, y)


@SOLVERS
def test_several_targets(solver):
    y = np.column_stack([TARGET, -TARGET, X[:, 1]])
    model = MLPRegressor(
        hidden_layer_sizes=(), solver=solver, max_iter=2000, learning_rate_init=0.05, alpha=0, tol=1e-9
    )
    model.set_params(n_iter_no_change=2000, random_state=0).fit(X, y)
    assert model.predict(X).shape == (90, 3)
    assert model.score(X, y) > 0.99
    assert model.fit(X, TARGET).predict(X).shape == (90,)


@SOLVERS
def test_sparse_targets_are_numbers_as_well(solver):
    y = np.column_stack([TARGET, -TARGET])
    model = MLPRegressor(**QUICK, solver=solver)
    expected = clone(model).fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(X, scipy.sparse.csr_matrix(y)).predict(X), expected)


@SOLVERS
def test_counts_by_their_deviance(solver):
    counts = RANDOM.poisson(np.exp(X[:, 0]))
    model = MLPRegressor("poisson", (), solver=solver, max_iter=3000, learning_rate_init=0.02, alpha=0, random_state=0)
    model.set_params(n_iter_no_change=3000, tol=1e-9).fit(X, counts)
    assert (model.predict(X) > 0).all()
    assert model.coefs_[0][0, 0] == pytest.approx(1, abs=0.25)
    assert model.predict(X).mean() == pytest.approx(counts.mean(), rel=0.02)  # the bias has no slope
    assert model.out_activation_ == "exp"
    with pytest.raises(ValueError, match="out of the valid range of the loss 'poisson'"):
        model.fit(X, counts - 1)


def test_dates_are_not_numbers():
    days = np.arange(90).astype("M8[D]")
    with pytest.raises(ValueError, match="y holds dates, but MLPRegressor learns numbers: say in which unit"):
        MLPRegressor(**QUICK).fit(X, days)
    with pytest.raises(ValueError, match="y holds durations"):
        MLPRegressor(**QUICK).fit(X, days - days[0])
    with pytest.raises(ValueError, match=r"y, row 0: datetime.date\(1970, 1, 1\) is not a number"):
        MLPRegressor(**QUICK).fit(X, days.astype(object))


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_each_parameter_has_an_entry_in_the_documentation(cls):
    assert [name for name in cls().get_params() if f"    {name} : " not in cls.__doc__] == []


def test_a_column_of_targets_is_flattened_with_a_warning():
    with pytest.warns(sklearn.exceptions.DataConversionWarning, match="column-vector"):
        model = MLPRegressor(**QUICK).fit(X, TARGET[:, None])
    assert model.predict(X).shape == (90,)


# objectives


@pytest.mark.parametrize(
    ("last", "outputs"), [("softmax", 3), ("logistic", 1), ("logistic", 3), ("identity", 2), ("exp", 2)]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_of_the_objectives_are_those_of_their_values(last, outputs, weighted):
    loss, draw = objective_of(last, outputs).loss, np.random.default_rng(1)
    z = draw.normal(size=(7, outputs))
    y = draw.integers(0, outputs, 7) if last == "softmax" else draw.integers(0, 2, (7, outputs)).astype(float)
    weights = draw.uniform(1, 2, 7) if weighted else None
    direction, step = draw.normal(size=z.shape), 1e-6
    values = [loss.linearize(y, z + sign * step * direction, weights)[0] for sign in (1, -1)]
    slope = (loss.linearize(y, z, weights)[1].gradients * direction).sum()
    assert slope == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_the_loss_is_the_documented_one():
    model = MLPRegressor(hidden_layer_sizes=(5,), alpha=3.0, max_iter=1, learning_rate_init=1e-12, random_state=0)
    model.fit(X, TARGET)
    penalty = sum((coef**2).sum() for coef in model.coefs_)
    assert model.loss_ == pytest.approx(((model.predict(X) - TARGET) ** 2).mean() / 2 + 1.5 * penalty / 90, rel=1e-8)


# weights


@BOTH
@SOLVERS
def test_a_weight_of_two_is_a_sample_twice_and_of_zero_none(cls, y, solver):
    weights = RANDOM.integers(0, 4, 90)
    model = cls(hidden_layer_sizes=(6,), solver=solver, batch_size=300, max_iter=15, alpha=1.0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = model.fit(X, y, sample_weight=weights)
        repeated = clone(model).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    for one, other in zip(weighted.coefs_, repeated.coefs_, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-7)
    assert weighted.loss_ == pytest.approx(repeated.loss_)


def test_a_batch_without_weight_changes_nothing():
    weights = np.zeros(90)
    weights[:30] = 1
    model = MLPRegressor(hidden_layer_sizes=(6,), batch_size=30, shuffle=False, max_iter=3, random_state=0)
    alone = clone(model).fit(X[:30], TARGET[:30])
    np.testing.assert_allclose(model.fit(X, TARGET, sample_weight=weights).coefs_[0], alone.coefs_[0])


@pytest.mark.parametrize("weights", [np.ones(80), np.zeros(90), np.full(90, np.nan), np.ones((90, 2))])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ValueError):
        MLPRegressor(**QUICK).fit(X, TARGET, sample_weight=weights)


@BOTH
def test_coefs_and_intercepts_may_be_replaced_and_changed(cls, y):
    model = cls(**QUICK).fit(X, y)
    assert [coef.shape for coef in model.coefs_] == [(4, 6), (6, model.n_outputs_)]
    assert [intercept.shape for intercept in model.intercepts_] == [(6,), (model.n_outputs_,)]
    predict = model.predict if cls is MLPRegressor else model.predict_proba
    before = predict(X)
    model.coefs_[0] = 2 * model.coefs_[0]
    replaced = predict(X)
    model.intercepts_[1][0] += 1
    assert not np.allclose(before, replaced)
    assert not np.allclose(replaced, predict(X))
    model.coefs_ = [coef * 0 for coef in model.coefs_]
    assert np.ptp(predict(X), axis=0).max() == 0


@SOLVERS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@BOTH
def test_weights_and_predictions_have_the_dtype_of_X(cls, y, dtype, solver):
    model = cls(**QUICK, solver=solver).fit(X.astype(dtype), y)
    assert {array.dtype for array in model.coefs_ + model.intercepts_} == {np.dtype(dtype)}
    predicted = (model.predict if cls is MLPRegressor else model.predict_proba)(X.astype(dtype))
    assert predicted.dtype == dtype


@BOTH
def test_integers_are_taken_as_float64(cls, y):
    assert cls(**QUICK).fit((10 * X).astype(int), y).coefs_[0].dtype == np.float64


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6), ("tanh", 6), ("identity", 6), ("logistic", 2)])
def test_first_weights_are_within_the_bounds_of_glorot(activation, factor):
    model = MLPRegressor(hidden_layer_sizes=(400,), activation=activation, max_iter=1, learning_rate_init=1e-12)
    model.fit(X, TARGET)
    bound = np.sqrt(factor / 404)
    for array in (model.coefs_[0], model.intercepts_[0]):
        assert 0.95 * bound < np.abs(array).max() <= bound + 1e-9


# sparse input


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "csr_array", "csc_array"])
@SOLVERS
@BOTH
def test_sparse_input_gives_what_dense_input_gives(cls, y, solver, form):
    dense = np.where(np.abs(X) > 0.5, X, 0)
    sparse = getattr(scipy.sparse, form)(dense)
    model = cls(**QUICK, solver=solver, batch_size=25)
    one, other = clone(model).fit(dense, y), model.fit(sparse, y)
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], atol=1e-10)
    predict = "predict" if cls is MLPRegressor else "predict_proba"
    np.testing.assert_allclose(getattr(one, predict)(dense), getattr(other, predict)(sparse), atol=1e-10)


@SOLVERS
def test_sparse_input_is_made_dense_a_batch_at_a_time(solver, monkeypatch):
    sparse, rows = scipy.sparse.random(1500, 30, density=0.1, format="csc", random_state=0), []
    plain = scipy.sparse.csr_matrix.toarray

    def toarray(self, *args, **kwargs):
        rows.append(self.shape[0])
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(scipy.sparse.csr_matrix, "toarray", toarray)
    y = np.asarray(sparse.sum(axis=1)).ravel()
    model = MLPRegressor(hidden_layer_sizes=(4,), solver=solver, early_stopping=solver != "lbfgs", max_iter=3)
    np.testing.assert_allclose(model.fit(sparse, y).predict(sparse), model.predict(sparse.toarray()), atol=1e-12)
    assert max(rows[:-1]) <= 256


# early stopping


def test_the_part_for_early_stopping_has_the_shares_of_two_classes(monkeypatch):
    seen = []
    plain = MLPClassifier._score_of

    def score(self, outputs, y, sample_weight):
        seen.append(y)
        return plain(self, outputs, y, sample_weight)

    monkeypatch.setattr(MLPClassifier, "_score_of", score)
    MLPClassifier(**QUICK, early_stopping=True, validation_fraction=0.3).fit(X, TWO)
    counts = np.unique(TWO, return_counts=True)[1]
    np.testing.assert_allclose(np.unique(seen[0], return_counts=True)[1], 0.3 * counts, atol=1)


def test_early_stopping_needs_two_samples_of_each_of_two_classes():
    y = THREE.copy()
    y[0] = 99
    assert 99 in MLPClassifier(**QUICK, early_stopping=True).fit(X, y).classes_
    with pytest.raises(ValueError, match="The least populated class"):
        MLPClassifier(**QUICK, early_stopping=True).fit(X, np.arange(len(X)) == 0)


@BOTH
def test_early_stopping_ends_in_the_weights_of_the_best_score(cls, y):
    model = cls(**{**QUICK, "max_iter": 200}, early_stopping=True, learning_rate_init=0.1, n_iter_no_change=4)
    model.set_params(validation_fraction=0.4).fit(X, y)
    best = int(np.argmax(model.validation_scores_))
    assert model.best_validation_score_ == model.validation_scores_[best]
    assert len(model.validation_scores_) == model.n_iter_ == len(model.loss_curve_) < 200
    assert model.best_loss_ is None
    again = clone(model).set_params(max_iter=best + 1).fit(X, y)
    np.testing.assert_array_equal(again.coefs_[0], model.coefs_[0])


@BOTH
def test_without_early_stopping_there_are_no_scores(cls, y):
    model = cls(**QUICK).fit(X, y)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)


def test_a_part_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(**QUICK, early_stopping=True, validation_fraction=0.01).fit(X, TARGET)


def test_more_of_few_rows_is_set_apart():
    early = {**QUICK, "early_stopping": True}
    for cls, y in [(MLPRegressor, TARGET), (MLPClassifier, TWO), (MLPClassifier, np.zeros(len(X)))]:
        assert cls(**early).fit(X[:10], y[:10]).validation_scores_
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(**early).fit(X[:3], TARGET[:3])


def test_of_a_table_of_categories_each_part_has_all_rows():
    random = np.random.default_rng(0)
    table = random.integers(0, 2, (2000, 4)).astype(float)
    classes = (table[:, 0] != table[:, 1]) ^ (random.random(2000) < 0.1)
    model = MLPClassifier((20,), early_stopping=True, random_state=0).fit(table, classes)
    assert model.score(table, classes) > 0.88  # 0.9 is possible


@pytest.mark.parametrize("make", [np.asarray, scipy.sparse.csr_array])
@BOTH
def test_a_weight_is_a_number_of_rows_with_early_stopping_where_most_are_copies(cls, y, make):
    counts = np.random.default_rng(0).integers(0, 5, 20)
    model = cls(**{**QUICK, "early_stopping": True, "validation_fraction": 0.3})
    rows, order = np.repeat(np.arange(20), counts), np.random.default_rng(1).permutation(20)
    repeated = clone(model).fit(make(X[rows]), y[rows])
    weighted = clone(model).fit(make(X[order]), y[order], sample_weight=counts[order])
    np.testing.assert_array_equal(repeated.coefs_[0], weighted.coefs_[0])
    assert repeated.validation_scores_ == weighted.validation_scores_
    alike = [clone(model).fit(make(X), y, sample_weight=weights) for weights in (None, np.full(len(X), 3.0))]
    assert alike[0].validation_scores_ == pytest.approx(alike[1].validation_scores_)
    one_by_one = clone(model).fit(make(X[order]), y[order], sample_weight=counts[order] / 7)  # no numbers of rows
    assert one_by_one.validation_scores_ != weighted.validation_scores_


def test_early_stopping_may_be_turned_on_for_a_warm_start():
    model = MLPRegressor(**QUICK, warm_start=True).fit(X, TARGET).set_params(early_stopping=True).fit(X, TARGET)
    assert len(model.validation_scores_) == model.n_iter_


# when training ends


def test_training_ends_when_the_loss_does_not_improve():
    model = MLPRegressor(**{**QUICK, "max_iter": 500}, tol=10.0, n_iter_no_change=3).fit(X, TARGET)
    assert model.n_iter_ == 5  # the first epoch is an improvement, and one failure more than are borne ends it
    endless = MLPRegressor(**QUICK, tol=10.0, n_iter_no_change=np.inf).fit(X, TARGET)
    assert endless.n_iter_ == 15


def test_adaptive_divides_the_rate_until_it_is_too_small(capsys):
    model = MLPRegressor(**{**QUICK, "max_iter": 500}, solver="sgd", learning_rate="adaptive", tol=10.0)
    model.set_params(n_iter_no_change=1, verbose=True).fit(X, TARGET)
    printed = capsys.readouterr().out
    assert printed.count("Setting learning rate to") == 5
    assert "Setting learning rate to 0.000200" in printed
    assert printed.endswith("Learning rate too small. Stopping.\n")


def test_interrupted_training_keeps_what_is_there(monkeypatch):
    plain, calls = stochastic.Training._epoch, []

    def epoch(self):
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        plain(self)

    monkeypatch.setattr(stochastic.Training, "_epoch", epoch)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = MLPRegressor(**QUICK).fit(X, TARGET)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_weights_that_are_not_finite_are_an_error(solver):
    words = "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    model = MLPRegressor(**{**QUICK, "max_iter": 50}, solver=solver, learning_rate_init=1e10, activation="identity")
    with pytest.raises(ValueError, match=words):
        model.fit(X * 1e200, TARGET * 1e200)
    assert model.n_iter_ < 10  # at once, not after all epochs


def test_counters():
    model = MLPRegressor(**QUICK, warm_start=True).fit(X, TARGET)
    assert (model.t_, model.n_iter_, model.n_layers_, model.n_outputs_) == (15 * 90, 15, 3, 1)
    model.fit(X, TARGET)
    assert (model.t_, model.n_iter_, len(model.loss_curve_)) == (30 * 90, 15, 30)


def test_lbfgs_keeps_to_its_limits():
    model = MLPRegressor(**{**QUICK, "max_iter": 1000}, solver="lbfgs", max_fun=7)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match=r"lbfgs failed to converge"):
        model.fit(X, TARGET)
    assert model.n_iter_ <= 7
    assert model.t_ == 0
    assert "loss_curve_" not in vars(model)
    linear = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", random_state=0)
    rough, fine = (clone(linear).set_params(tol=tol).fit(X, TARGET) for tol in (1.0, 1e-8))
    assert fine.n_iter_ > rough.n_iter_


# partial_fit and warm_start


def test_a_classifier_has_no_partial_fit_with_lbfgs():
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    assert hasattr(MLPClassifier(), "partial_fit")
    with pytest.raises(AttributeError):
        MLPClassifier(solver="lbfgs").partial_fit(X, TWO)


def test_classes_of_partial_fit():
    model = MLPClassifier(**QUICK)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        model.partial_fit(X, TWO)
    model.partial_fit(X[TWO == "yes"], TWO[TWO == "yes"], classes=["yes", "no", "perhaps"])
    assert model.classes_.tolist() == ["no", "perhaps", "yes"]
    assert model.predict_proba(X).shape == (90, 3)
    model.partial_fit(X, TWO).partial_fit(X, TWO, classes=["no", "perhaps", "yes"])
    assert model.n_iter_ == 1
    assert len(model.loss_curve_) == 3
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, TWO, classes=["yes", "no"])
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        model.partial_fit(X, np.where(TARGET > 0, "yes", "never"))


def test_partial_fit_takes_no_early_stopping():
    model = MLPRegressor(early_stopping=True)
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        model.partial_fit(X, TARGET)
    assert "partial_fit" not in {name for name in dir(model) if hasattr(model, name)}
    assert hasattr(model.set_params(early_stopping=False), "partial_fit")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_partial_fits_in_the_given_order_are_the_epochs_of_a_fit(solver):
    options = {**QUICK, "solver": solver, "shuffle": False, "batch_size": 20}
    whole, parts = MLPRegressor(**options).fit(X, TARGET), MLPRegressor(**options)
    for _ in range(15):
        parts.partial_fit(X, TARGET)
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.t_ == whole.t_


def test_a_fit_forgets_and_a_warm_start_goes_on():
    model = MLPClassifier(**QUICK).fit(X, THREE)
    first, losses = model.coefs_[0].copy(), model.loss_curve_
    np.testing.assert_array_equal(model.fit(X, THREE).coefs_[0], first)
    assert model.loss_curve_ == losses
    warm = clone(model).set_params(warm_start=True).fit(X, THREE).fit(X, THREE)
    assert warm.loss_curve_[15] < losses[0]
    assert len(warm.loss_curve_) == 30


def test_a_warm_start_needs_the_same_classes_and_layers():
    model = MLPClassifier(**QUICK, warm_start=True).fit(X, THREE)
    with pytest.raises(
        ValueError, match="warm_start can only be used where `y` has the same classes as in the previous"
    ):
        model.fit(X[THREE > 0], THREE[THREE > 0])
    with pytest.raises(ValueError, match=r"layers of \[6, 3\] units, but layers of \[7, 3\] units are needed"):
        model.set_params(hidden_layer_sizes=7).fit(X, THREE)


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "sgd"])
def test_a_warm_start_may_change_the_solver_and_the_activation(solver):
    model = MLPRegressor(**{**QUICK, "max_iter": 60}, warm_start=True).fit(X, TARGET)
    loss = model.loss_
    assert model.set_params(solver=solver).fit(X, TARGET).loss_ < loss
    model.set_params(activation="tanh", max_iter=1, learning_rate_init=1e-12).fit(X, TARGET)
    by_hand = np.tanh(X @ model.coefs_[0] + model.intercepts_[0]) @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.predict(X), by_hand[:, 0])
    penalty = 1e-4 * sum((coef**2).sum() for coef in model.coefs_) / 90
    assert model.loss_ == pytest.approx((((by_hand[:, 0] - TARGET) ** 2).mean() + penalty) / 2, rel=1e-6)


@pytest.mark.parametrize(("first", "second"), [(LABELS, THREE // 10), (THREE // 10, LABELS)])
def test_a_warm_start_goes_on_with_targets_of_the_same_kind(first, second):
    model = MLPClassifier(**QUICK, warm_start=True).fit(X, first)
    with pytest.raises(ValueError, match="in the previous call; clone the estimator"):
        model.fit(X, second)


def test_a_warm_start_keeps_the_dtype_of_the_first_fit():
    model = MLPRegressor(**QUICK, warm_start=True).fit(X.astype(np.float32), TARGET).fit(X, TARGET)
    assert model.coefs_[0].dtype == np.float32


# the estimator among others


def test_arguments_are_checked_unless_scikit_learn_is_told_not_to():
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0, got"):
        MLPRegressor(hidden_layer_sizes=(3, 0)).fit(X, TARGET)
    with pytest.raises(ValueError, match="hidden_layer_sizes must be integers, got"):
        MLPRegressor(hidden_layer_sizes=(3, 1.5)).fit(X, TARGET)
    for sizes in ("5", [[5]], True, (True,)):
        with pytest.raises(ValueError, match="hidden_layer_sizes"):
            MLPRegressor(hidden_layer_sizes=sizes).fit(X, TARGET)
    with pytest.raises(TypeError, match="'max_iter' parameter"):  # scikit-learn's error is both
        MLPRegressor(max_iter=0).fit(X, TARGET)
    with sklearn.config_context(skip_parameter_validation=True):
        MLPRegressor(**{**QUICK, "shuffle": 1}).fit(X, TARGET)


@SOLVERS
@pytest.mark.parametrize("name", ["alpha", "tol", "power_t", "momentum", "learning_rate_init"])
def test_arguments_of_single_precision_do_not_round_the_training(name, solver):
    model = MLPRegressor(**QUICK, solver=solver, learning_rate="invscaling")
    losses = [
        clone(model).set_params(**{name: kind(np.float32(0.1))}).fit(X, TARGET).loss_ for kind in (np.float32, float)
    ]
    assert losses[0] == losses[1] and type(losses[0]) is float


@pytest.mark.parametrize("sizes", [5, (5,), [5], np.array([5]), np.int64(5)])
def test_hidden_layer_sizes_may_be_written_in_several_ways(sizes):
    assert MLPRegressor(hidden_layer_sizes=sizes, max_iter=1).fit(X, TARGET).coefs_[0].shape == (4, 5)


@BOTH
@pytest.mark.parametrize("again", [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_copy_predicts_and_goes_on_alike(cls, y, again, solver):
    model = cls(**QUICK, solver=solver, batch_size=20).fit(X, y)
    copied = again(model)
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    np.testing.assert_array_equal(copied.partial_fit(X, y).coefs_[0], model.partial_fit(X, y).coefs_[0])
    copied.coefs_[0][...] = 0
    assert model.coefs_[0].any()


def test_a_random_state_is_used_up_and_none_is_a_new_one_each_time():
    state = np.random.RandomState(0)
    one, other = (MLPRegressor(hidden_layer_sizes=3, max_iter=1, random_state=state).fit(X, TARGET) for _ in range(2))
    assert not np.array_equal(one.coefs_[0], other.coefs_[0])
    one, other = (MLPRegressor(hidden_layer_sizes=3, max_iter=1).fit(X, TARGET) for _ in range(2))
    assert not np.array_equal(one.coefs_[0], other.coefs_[0])


def test_names_of_features_are_kept_and_compared():
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = MLPRegressor(**QUICK).fit(frame, TARGET)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])
    with pytest.raises(ValueError, match="feature"):
        model.predict(frame[list("abc")])


def test_nothing_is_known_before_fit():
    for cls in (MLPClassifier, MLPRegressor):
        with pytest.raises(NotFittedError):
            cls().predict(X)
        assert not hasattr(cls(), "coefs_")
        assert not hasattr(cls(), "model_")


def test_in_a_pipeline_and_a_grid_search():
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), MLPClassifier(**QUICK, solver="lbfgs"))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1e4]}, cv=3).fit(X, THREE)
    assert search.best_params_ == {"mlpclassifier__alpha": 1e-4}
    assert search.score(X, THREE) > 0.9


def test_sample_weights_are_routed():
    weights, folds = np.where(np.arange(90) % 2, 1.0, 3.0), [(np.arange(60), np.arange(60, 90))]
    model = MLPRegressor(**QUICK)
    expected = clone(model).fit(X[:60], TARGET[:60], sample_weight=weights[:60]).coefs_[0]
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        model.set_partial_fit_request(sample_weight=True)
        found = cross_validate(model, X, TARGET, params={"sample_weight": weights}, return_estimator=True, cv=folds)
    np.testing.assert_array_equal(found["estimator"][0].coefs_[0], expected)


def test_tags_say_what_the_estimators_take():
    tags = MLPClassifier().__sklearn_tags__()
    assert tags.classifier_tags.multi_label
    assert tags.input_tags.sparse
    assert MLPRegressor().__sklearn_tags__().target_tags.multi_output
    assert MLPRegressor("poisson").__sklearn_tags__().target_tags.positive_only


# the network


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_model_is_the_network_and_can_be_saved(cls, y, dtype, tmp_path):
    rows = X.astype(dtype)
    model = cls(**QUICK, activation="tanh").fit(rows, y)
    expected = model.predict(rows) if cls is MLPRegressor else model.predict_proba(rows)[:, -model.n_outputs_ :]
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    model.model_.save(tmp_path / "mlp.safetensors")
    for network in (model.model_, load_model(tmp_path / "mlp.safetensors")):
        found = network.predict(rows, verbose=0)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.squeeze(), expected.squeeze(), atol=tolerance)
    assert model.model_.predict(rows, verbose=0, return_jacobian=True)[1].shape == (90, model.n_outputs_, 4)
    model.model_.layers[0].kernel.value[...] = 0
    assert model.coefs_[0].any()


def test_many_rows_are_predicted_as_they_are_alone():
    model = MLPRegressor(**QUICK).fit(X, TARGET)
    many = np.tile(X, (20, 1))
    np.testing.assert_allclose(model.predict(many), np.tile(model.predict(X), 20), rtol=1e-12)
    for form in (scipy.sparse.csr_array, scipy.sparse.csc_array):
        np.testing.assert_allclose(model.predict(form(many)), model.predict(many), rtol=1e-12)
