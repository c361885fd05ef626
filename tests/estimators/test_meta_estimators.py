"""NNClassifier and NNRegressor inside what scikit-learn makes of estimators."""

import numpy as np
import pytest
from quick import LABELS, QUICK, TARGET, X
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_predict, cross_validate
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from nnlite import MLPClassifier, MLPRegressor, NNClassifier, NNRegressor
from nnlite.layers import Dense

OPTIONS = {**QUICK, "epochs": 25, "n_members": 2, "batch_size": 16, "learning_rate": 0.02}
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
TWO = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
SEVERAL = np.column_stack([THREE, np.digitize(X[:, 1], [-0.5, 0.5])])


def importances(model):
    """How much each column matters, summed up over the classes."""
    table = np.asarray(model.sensitivities(X[:, : model.n_features_in_]))
    return table.reshape(model.n_features_in_, -1, 3)[:, :, 1].sum(axis=1)


# What wraps one classifier, a network or a perceptron.
AROUND_CLASSIFIERS = [
    lambda inner: make_pipeline(StandardScaler(), inner),
    lambda inner: CalibratedClassifierCV(inner, cv=2),
    lambda inner: StackingClassifier([("net", inner), ("linear", LogisticRegression())], cv=2),
    lambda inner: BaggingClassifier(inner, n_estimators=2, random_state=0),
    lambda inner: AdaBoostClassifier(inner, n_estimators=2, random_state=0),
    OneVsRestClassifier,
    OneVsOneClassifier,
]


@pytest.mark.parametrize(
    "make",
    [
        *AROUND_CLASSIFIERS,
        lambda own: HalvingGridSearchCV(own, {"hidden_layer_sizes": [4, 8]}, cv=2, random_state=0),
        lambda own: GridSearchCV(own, {"n_members": [1, 2]}, cv=2),
        lambda own: RFE(own, n_features_to_select=2, importance_getter=importances),
        lambda own: make_pipeline(SequentialFeatureSelector(own, n_features_to_select=1, cv=2), own),
    ],
)
def test_classifiers(make):
    assert make(NNClassifier(**OPTIONS)).fit(X, THREE).score(X, THREE) > 0.75


@pytest.mark.parametrize(
    "make",
    [
        lambda own: make_pipeline(MinMaxScaler(), own),
        lambda own: BaggingRegressor(own, n_estimators=2, random_state=0),
        lambda own: AdaBoostRegressor(own, n_estimators=2, random_state=0),
        lambda own: VotingRegressor([("nn", own), ("linear", Ridge())]),
        lambda own: TransformedTargetRegressor(own, func=np.log, inverse_func=np.exp),
        lambda own: TransformedTargetRegressor(own, transformer=StandardScaler()),
        lambda own: MultiOutputRegressor(own),
        lambda own: HalvingGridSearchCV(own, {"dropout": [0.0, 0.3]}, resource="epochs", max_resources=24, cv=2),
    ],
)
def test_regressors(make):
    y = np.column_stack([TARGET, -TARGET]) if "MultiOutput" in repr(make(Ridge())) else TARGET
    assert make(NNRegressor(**OPTIONS)).fit(X, y).score(X, y) > 0.6


@pytest.mark.parametrize(
    ("make", "y"), [(MultiOutputClassifier, TWO), (MultiOutputClassifier, SEVERAL), (ClassifierChain, TWO)]
)
def test_several_targets(make, y):
    assert (make(NNClassifier(**OPTIONS)).fit(X, y).predict(X) == y).mean() > 0.75


PERCEPTRON = {"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.03, "random_state": 0}


def slopes(model):
    """How much the first layer of a perceptron takes of each column."""
    return np.abs(model.coefs_[0]).sum(axis=1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "make",
    [
        *AROUND_CLASSIFIERS,
        lambda inner: GridSearchCV(inner, {"alpha": [1e-4, 1e-2]}, cv=2),
        lambda inner: HalvingGridSearchCV(inner, {"alpha": [1e-4, 1e-2]}, cv=2, random_state=0),
        lambda inner: RFE(inner, n_features_to_select=2, importance_getter=slopes),
        SelfTrainingClassifier,
        lambda inner: MultiOutputClassifier(inner),
        lambda inner: ClassifierChain(inner),
    ],
)
def test_perceptrons_for_classes(make):
    model = make(MLPClassifier(**PERCEPTRON))
    y = TWO if isinstance(model, (MultiOutputClassifier, ClassifierChain)) else THREE
    known = np.where(np.arange(80) % 2, -1, y) if isinstance(model, SelfTrainingClassifier) else y
    assert (model.fit(X, known).predict(X) == y).mean() > 0.7


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda inner: make_pipeline(StandardScaler(), inner),
        lambda inner: BaggingRegressor(inner, n_estimators=2, random_state=0),
        lambda inner: AdaBoostRegressor(inner, n_estimators=2, random_state=0),
        lambda inner: TransformedTargetRegressor(inner, transformer=StandardScaler()),
        lambda inner: MultiOutputRegressor(inner),
        lambda inner: RFE(inner, n_features_to_select=2, importance_getter=slopes),
        lambda inner: HalvingGridSearchCV(inner, {"alpha": [1e-4, 1e-2]}, resource="max_iter", max_resources=60, cv=2),
    ],
)
def test_perceptrons_for_numbers(make):
    model = make(MLPRegressor(**PERCEPTRON, solver="lbfgs"))
    scaled = (TARGET - TARGET.mean()) / TARGET.std()
    y = np.column_stack([scaled, -scaled]) if isinstance(model, MultiOutputRegressor) else scaled
    assert model.fit(X, y).score(X, y) > 0.6


def test_rfe_keeps_what_matters():
    kept = RFE(NNClassifier(**OPTIONS), n_features_to_select=1, importance_getter=importances).fit(X, THREE)
    assert kept.support_.tolist() == [True, False, False, False]


def test_self_training():
    some = np.where(np.arange(80) % 2, -1, THREE)
    assert (SelfTrainingClassifier(NNClassifier(**OPTIONS)).fit(X, some).predict(X) == THREE).mean() > 0.7


def test_a_search_in_two_processes_is_the_same():
    grid = {"layers": [None, [Dense(4)]], "dropout": [0.0, 0.2]}
    scores = [
        GridSearchCV(NNClassifier(**QUICK, n_members=1), grid, cv=2, n_jobs=jobs).fit(X, LABELS).cv_results_
        for jobs in (1, 2)
    ]
    np.testing.assert_array_equal(*(found["mean_test_score"] for found in scores))


def test_a_search_reaches_inside_layers_and_optimizer():
    own = NNClassifier(layers=[Dense(4, "relu")], epochs=2, random_state=0)
    grid = {"layers__0__units": [3, 5], "optimizer__learning_rate": [1e-5, 0.1]}
    search = GridSearchCV(own, grid, cv=2).fit(X, LABELS)
    best = search.best_estimator_
    assert (
        best.layers[0].units in (3, 5)
        and best.optimizer.learning_rate == search.best_params_["optimizer__learning_rate"]
    )
    assert own.layers[0].units == 4 and own.optimizer == "auto"


def test_cross_validation():
    for method, shape in [("predict_proba", (80, 3)), ("decision_function", (80, 3)), ("predict", (80,))]:
        assert cross_val_predict(NNClassifier(**OPTIONS), X, THREE, cv=2, method=method).shape == shape
    found = cross_validate(NNRegressor(**OPTIONS), X, TARGET, cv=2, scoring=["r2", "neg_mean_absolute_error"])
    assert found["test_r2"].min() > 0.3
    weighted = cross_validate(NNRegressor(**OPTIONS), X, TARGET, cv=2, params={"sample_weight": np.ones(80)})
    np.testing.assert_array_equal(weighted["test_score"], found["test_r2"])


def test_pipelines_of_data_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).assign(color=np.where(X[:, 3] > 0, "red", "blue"))
    columns = make_column_transformer(
        (MinMaxScaler(), ["a", "b", "c"]), (OneHotEncoder(sparse_output=False), ["color"])
    )
    pipeline = make_pipeline(columns, NNClassifier(**OPTIONS)).set_output(transform="pandas")
    pipeline.fit(frame, pd.Series(LABELS, dtype="category"))
    assert "minmaxscaler__a" in pipeline[-1].feature_names_in_ and pipeline.score(frame, LABELS) > 0.8
    passed = make_pipeline(FunctionTransformer(), NNClassifier(**OPTIONS)).fit(frame, LABELS)
    assert passed[-1].model_.encoder is not None and passed.score(frame, LABELS) > 0.8
    sparse = make_pipeline(OneHotEncoder(), NNClassifier(**OPTIONS)).fit(frame[["color"]], X[:, 3] > 0)
    assert sparse.score(frame[["color"]], X[:, 3] > 0) == 1
