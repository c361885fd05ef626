"""MLPClassifier and MLPRegressor compute what scikit-learn's do, from the same weights and the same random state."""

import inspect
import warnings

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import nnlite

LACKING = "scikit-learn has weights of samples, the Poisson loss and these warnings of its perceptrons since 1.7"
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 7), reason=LACKING),
]

IRIS, CANCER, DIABETES = (load(return_X_y=True) for load in (load_iris, load_breast_cancer, load_diabetes))
COUNTS = np.random.default_rng(0).poisson(np.exp(10 * DIABETES[0][:, 2]))
DATA = {
    "three classes": ("MLPClassifier", scale(IRIS[0]), np.array(["a", "b", "c"])[IRIS[1]], {}),
    "two classes": ("MLPClassifier", scale(CANCER[0]), CANCER[1], {}),
    "labels": ("MLPClassifier", *make_multilabel_classification(random_state=0), {}),
    "numbers": ("MLPRegressor", DIABETES[0], DIABETES[1] / 100, {}),
    "two targets": ("MLPRegressor", DIABETES[0], np.column_stack([DIABETES[1], COUNTS]) / 100, {}),
    "counts": ("MLPRegressor", DIABETES[0], COUNTS, {"loss": "poisson"}),
}
SOLVERS = {
    "adam": {"solver": "adam"},
    "adam, other constants": {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.01},
    "plain sgd": {"solver": "sgd", "momentum": 0.0},
    "classical momentum": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.5},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3, "learning_rate_init": 0.1},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 0.02,
        "n_iter_no_change": 2,
        "learning_rate_init": 0.1,
    },
    "small batches, tanh": {"batch_size": 17, "activation": "tanh", "alpha": 1.0},
    "two layers, logistic": {"hidden_layer_sizes": (9, 6), "activation": "logistic"},
    "identity": {"activation": "identity", "batch_size": 64},
    "no hidden layer": {"hidden_layer_sizes": (), "batch_size": 64},
}
CURVES = ("loss_curve_", "loss_", "best_loss_", "n_iter_", "t_", "n_layers_", "n_outputs_")


def pair(name, **options):
    """The two estimators of the same arguments, scikit-learn's first."""
    return [getattr(module, name)(**options) for module in (sklearn.neural_network, nnlite)]


def assert_alike(theirs, ours, X, names=CURVES):
    for name in names:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=0, atol=1e-6, err_msg=name)
    assert ours.out_activation_ == theirs.out_activation_
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)
    predict = "predict_proba" if "classes_" in vars(ours) else "predict"
    np.testing.assert_allclose(getattr(ours, predict)(X), getattr(theirs, predict)(X), atol=1e-6)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("solver", SOLVERS)
def test_from_the_same_weights_the_losses_of_twenty_epochs_agree(data, solver):
    name, X, y, options = DATA[data]
    options = {"hidden_layer_sizes": (20,), "n_iter_no_change": 100, **options, **SOLVERS[solver]}
    both = pair(name, max_iter=1, shuffle=False, warm_start=True, **options)
    draw = np.random.default_rng(1)
    for own in both:
        own.set_params(random_state=0).fit(X, y).set_params(max_iter=20)
    coefs, intercepts = ([draw.normal(scale=0.3, size=array.shape) for array in group] for group in _weights(both[0]))
    for own in both:
        own.coefs_, own.intercepts_ = [array.copy() for array in coefs], [array.copy() for array in intercepts]
        own.fit(X, y)
    theirs, ours = (np.array(own.loss_curve_[1:]) for own in both)
    assert len(ours) == 20
    assert np.ptp(ours) > 1e-4
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def _weights(estimator):
    return estimator.coefs_, estimator.intercepts_


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_same_random_state_gives_the_same_fit(data, solver):
    name, X, y, options = DATA[data]
    options = {"hidden_layer_sizes": (20,), **options, **SOLVERS[solver]}
    theirs, ours = (own.fit(X, y) for own in pair(name, max_iter=20, random_state=3, **options))
    assert_alike(theirs, ours, X)


@pytest.mark.parametrize("data", DATA)
def test_weighted_samples_agree(data):
    name, X, y, options = DATA[data]
    weights = np.random.default_rng(0).uniform(0.1, 3, len(X))
    both = pair(name, hidden_layer_sizes=(20,), max_iter=10, batch_size=32, random_state=0, **options)
    theirs, ours = (own.fit(X, y, sample_weight=weights) for own in both)
    assert_alike(theirs, ours, X)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("data", ["three classes", "labels", "numbers"])
def test_negative_weights_agree(data, solver):
    name, X, y, options = DATA[data]
    weights = np.where(np.arange(len(X)) % 7, 1.5, -0.5)  # as simulated events have
    both = pair(name, hidden_layer_sizes=(20,), solver=solver, max_iter=5, random_state=0, alpha=0.1, **options)
    theirs, ours = (own.fit(X, y, sample_weight=weights) for own in both)
    assert_alike(theirs, ours, X, ("loss_", "n_iter_"))


@pytest.mark.parametrize(
    "y", [np.array(["b", "a", "c"], object), np.array([2.0, 0.0, 1.0]), np.array([True, False, True])]
)
def test_labels_have_the_same_type(y):
    theirs, ours = (own.fit([[0.0], [1.0], [2.0]], y) for own in pair("MLPClassifier", max_iter=1, random_state=0))
    assert ours.classes_.dtype == theirs.classes_.dtype
    assert ours.predict([[0.0]]).dtype == theirs.predict([[0.0]]).dtype


@pytest.mark.parametrize("sizes", [(2.5,), (3, "4"), [[3]], True])
def test_layers_of_no_whole_number_of_units_are_a_type_error(sizes):
    for own in pair("MLPClassifier", hidden_layer_sizes=sizes):
        with pytest.raises(TypeError):
            own.fit([[0.0], [1.0]], [0, 1])


def test_the_name_of_the_loss_is_an_attribute():
    theirs, ours = pair("MLPClassifier")
    assert ours.loss == theirs.loss
    assert "loss" not in ours.get_params()


@pytest.mark.parametrize("data", [name for name in DATA if name != "two targets"])
def test_lbfgs_agrees(data):
    name, X, y, options = DATA[data]
    weights = np.random.default_rng(0).uniform(0.1, 3, len(X))
    both = pair(name, hidden_layer_sizes=(20,), solver="lbfgs", max_iter=20, alpha=0.1, random_state=0, **options)
    for arguments in ({}, {"sample_weight": weights}):
        theirs, ours = (own.fit(X, y, **arguments) for own in both)
        assert_alike(theirs, ours, X, ("loss_", "n_iter_", "t_", "n_layers_", "n_outputs_"))


def test_lbfgs_of_two_targets_minimises_the_sum_of_their_errors():
    _, X, y, _ = DATA["two targets"]
    model = nnlite.MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", alpha=0.1, max_iter=2000, random_state=0)
    model.fit(X, y)
    squares, penalty = ((model.predict(X) - y) ** 2).mean(axis=0), sum((coef**2).sum() for coef in model.coefs_)
    assert model.loss_ == pytest.approx(squares.mean() / 2 + 0.05 * penalty / len(X))
    slopes = (model.predict(X) - y).mean(axis=0)  # of the sum by the last biases
    np.testing.assert_allclose(slopes, 0, atol=1e-3)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_early_stopping_agrees(data, solver):
    name, X, y, options = DATA[data]
    weights = np.random.default_rng(0).uniform(0.5, 2, len(X))
    early = {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3, "learning_rate_init": 0.01}
    both = pair(name, hidden_layer_sizes=(20,), solver=solver, random_state=0, **early, **options)
    for arguments in ({}, {"sample_weight": weights}):
        theirs, ours = (own.fit(X, y, **arguments) for own in both)
        assert ours.best_loss_ is None
        names = ("loss_curve_", "validation_scores_", "best_validation_score_", "n_iter_", "t_")
        assert_alike(theirs, ours, X, names)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit_after_partial_fit_agrees(data, solver):
    name, X, y, options = DATA[data]
    both = pair(name, hidden_layer_sizes=(20,), solver=solver, batch_size=30, random_state=0, **options)
    for own in both:
        first = {"classes": np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)} if name == "MLPClassifier" else {}
        own.partial_fit(X[::2], y[::2], **first)
        for _ in range(4):
            own.partial_fit(X, y)
    assert_alike(*both, X)


def test_warm_start_and_partial_fit_go_on_as_in_scikit_learn():
    name, X, y, _ = DATA["numbers"]
    both = pair(name, hidden_layer_sizes=(20,), warm_start=True, max_iter=5, random_state=0)
    for own in both:
        own.fit(X, y).fit(X[:100], y[:100]).partial_fit(X, y)
    assert_alike(*both, X)
    assert len(both[1].loss_curve_) == 11


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_regressor_goes_on_by_lbfgs_as_in_scikit_learn(early_stopping):
    name, X, y, _ = DATA["numbers"]
    options = {"early_stopping": early_stopping, "solver": "lbfgs", "max_iter": 5}
    both = pair(name, hidden_layer_sizes=(7,), random_state=0, **options)
    for own in both:
        own.partial_fit(X, y).partial_fit(X, y)
    assert_alike(*both, X, ("loss_", "n_iter_", "t_"))
    assert both[1].n_iter_ == 5


@pytest.mark.parametrize("data", ["numbers", "two classes"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_warm_start_returns_to_no_weights_of_earlier_calls_as_in_scikit_learn(data, solver):
    name, X, y, _ = DATA[data]
    options = {"solver": solver, "learning_rate_init": 0.01, "n_iter_no_change": 100}
    both = pair(name, early_stopping=True, warm_start=True, random_state=0, **options)
    for own in both:
        own.set_params(max_iter=30).fit(X, y).set_params(max_iter=3).fit(X, y[::-1])
    scores = np.array(both[1].validation_scores_)
    assert scores[30:].max() < scores[:30].max()
    assert_alike(*both, X, ("loss_", "loss_curve_", "validation_scores_", "best_validation_score_", "n_iter_"))


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "adaptive"}])
def test_what_is_printed_agrees(options, capsys):
    name, X, y, _ = DATA["two classes"]
    printed = []
    for own in pair(name, hidden_layer_sizes=(4,), verbose=True, tol=0.05, n_iter_no_change=1, max_iter=60, **options):
        own.set_params(random_state=0).fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Iteration 1, loss = " in printed[1]
    assert "consecutive epochs. S" in printed[1]


@pytest.mark.parametrize(
    "options", [{"max_iter": 2}, {"batch_size": 1000, "max_iter": 1}, {"solver": "lbfgs", "max_iter": 3}]
)
def test_warnings_agree(options):
    name, X, y, _ = DATA["numbers"]
    found = []
    for own in pair(name, hidden_layer_sizes=(4,), random_state=0, **options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            own.fit(X, y)
        found.append([(warning.category, str(warning.message).split("\n\n")[0]) for warning in caught])
    assert found[0] == found[1]
    assert found[1][-1][0] is ConvergenceWarning


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_arguments_have_the_order_and_the_defaults_of_scikit_learn(name):
    theirs, ours = ([(p.name, p.default, p.kind) for p in _arguments(own)] for own in pair(name))
    assert ours == theirs


def _arguments(estimator):
    return inspect.signature(type(estimator)).parameters.values()


WRONG = {
    "hidden_layer_sizes": 0,
    "activation": "selu",
    "solver": "newton",
    "alpha": -1.0,
    "batch_size": 0,
    "learning_rate": "warm",
    "learning_rate_init": 0,
    "power_t": -0.5,
    "max_iter": 0,
    "shuffle": 1,
    "random_state": -1,
    "tol": -1,
    "verbose": -1,
    "warm_start": "yes",
    "momentum": 1.5,
    "nesterovs_momentum": None,
    "early_stopping": 0,
    "validation_fraction": 1.0,
    "beta_1": 1.0,
    "beta_2": -0.1,
    "epsilon": 0.0,
    "n_iter_no_change": 0,
    "max_fun": 0.5,
}


@pytest.mark.parametrize(("argument", "value"), [*WRONG.items(), ("loss", "absolute_error")])
def test_wrong_arguments_are_refused_in_the_same_words(argument, value):
    name, X, y, _ = DATA["numbers"]
    messages = []
    for own in pair(name, **{argument: value}):
        with pytest.raises(ValueError, match=f"The '{argument}' parameter of {name} must be ") as caught:
            own.fit(X, y)
        messages.append(str(caught.value))
    braces = [set(message.partition("{")[2].partition("}")[0].split(", ")) for message in messages]
    assert braces[0] == braces[1]  # a set of options is listed in any order
    without = [message.partition("{")[0] + message.partition("}")[2] for message in messages]
    assert without[0] == without[1]


@pytest.mark.parametrize("options", [{}, {"batch_size": 32}, {"shuffle": False}, {"early_stopping": True}])
@pytest.mark.parametrize("instance", [True, False])
def test_a_random_state_is_left_as_scikit_learn_leaves_it(options, instance):
    after = []
    for model in pair("MLPRegressor", max_iter=4, hidden_layer_sizes=(5,), **options):
        np.random.seed(3)  # noqa: NPY002 - the one that None means
        random = np.random.RandomState(3) if instance else None
        model.set_params(random_state=random).fit(DIABETES[0][:100], DIABETES[1][:100])
        after.append((random or np.random).randint(2**31))
    assert after[0] == after[1]


@pytest.mark.parametrize("data", ["three classes", "two classes", "labels"])
@pytest.mark.parametrize("options", [{}, {"batch_size": 30}, {"solver": "sgd", "learning_rate_init": 1e-3}])
@pytest.mark.parametrize("weighted", [True, False])
def test_losses_of_columns_in_any_unit_agree(data, options, weighted):
    """scikit-learn counts no probability as less than the precision of numbers: losses are large otherwise."""
    name, X, y, _ = DATA[data]
    given = [np.random.default_rng(0).uniform(0.5, 2, len(X))] if weighted else []
    theirs, ours = pair(name, hidden_layer_sizes=(20,), random_state=0, max_iter=5, **options)
    for own in (theirs, ours):
        own.fit(1000 * X, y, *given)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert max(ours.loss_curve_) > 1


@pytest.mark.parametrize("data", ["three classes", "two classes", "labels"])
def test_losses_of_lbfgs_in_any_unit_agree(data):
    name, X, y, _ = DATA[data]
    theirs, ours = pair(name, hidden_layer_sizes=(20,), random_state=0, max_iter=1, max_fun=1, solver="lbfgs")
    np.testing.assert_allclose(ours.fit(1000 * X, y).loss_, theirs.fit(1000 * X, y).loss_, rtol=1e-6)
