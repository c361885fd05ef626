"""Tables of a few rows or columns train, or say what is wrong."""

import numpy as np
import pytest
from quick import QUICK

from nnlite import NNClassifier, NNRegressor

ROWS = np.random.default_rng(0).normal(size=(21, 3))
THREE = np.repeat([0, 1, 2], 7)
WAYS = pytest.mark.parametrize(
    "options", [{}, {"n_members": 1}, {"early_stopping": False}, {"n_members": 5}, {"optimizer": "lbfgs"}]
)
pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")


@WAYS
@pytest.mark.parametrize(
    ("labels", "known"),
    [(THREE, [0, 1, 2]), (np.r_[THREE[:-1], 5], [0, 1, 2, 5]), (np.arange(21), list(range(21)))],
    ids=["three classes", "a class with one row", "a class for each row"],
)
def test_few_rows_of_several_classes(labels, known, options):
    model = NNClassifier(**QUICK, **options).fit(ROWS, labels)
    assert model.classes_.tolist() == known
    probabilities = model.predict_proba(ROWS)
    assert probabilities.shape == (21, len(known)) and np.isfinite(probabilities).all()


@WAYS
@pytest.mark.parametrize("count", [1, 2, 3, 9, 10, 11])
def test_any_number_of_rows(count, options):
    fewer = {**QUICK, **options, "n_members": min(options.get("n_members", 5), count)}
    if options.get("optimizer") == "lbfgs" or count < 2:
        fewer["n_members"] = 1
    labels = np.arange(count) % 2
    assert set(NNClassifier(**fewer).fit(ROWS[:count], labels).predict(ROWS)) <= {0, 1}
    assert np.isfinite(NNRegressor(**fewer).fit(ROWS[:count], ROWS[:count, 0]).predict(ROWS)).all()


def test_no_rows():
    for cls in (NNClassifier, NNRegressor):
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
            cls(**QUICK).fit(ROWS[:0], [])


@WAYS
def test_one_feature(options):
    assert NNClassifier(**QUICK, **options).fit(ROWS[:, :1], THREE).predict_proba(ROWS[:, :1]).shape == (21, 3)
    assert np.isfinite(NNRegressor(**QUICK, **options).fit(ROWS[:, :1], ROWS[:, 1]).predict(ROWS[:, :1])).all()


@WAYS
def test_constant_features(options):
    ones = np.ones((21, 2))
    probabilities = NNClassifier(**QUICK, **options).fit(ones, THREE).predict_proba(ones)
    np.testing.assert_allclose(probabilities, 1 / 3, atol=0.05)
    assert np.ptp(NNRegressor(**QUICK, **options).fit(ones, ROWS[:, 0]).predict(ones)) < 1e-12


def test_a_constant_feature_has_no_effect():
    constant = np.where(np.arange(21) % 2, 0.1, np.nextafter(0.1, 1))  # constant up to rounding
    model = NNRegressor(**QUICK).fit(np.column_stack([ROWS, np.full(21, 0.1)]), ROWS[:, 0])
    near = model.predict(np.column_stack([ROWS, constant]))
    np.testing.assert_allclose(near, model.predict(np.column_stack([ROWS, np.full(21, 0.1)])), rtol=1e-9)


@WAYS
def test_a_constant_target_is_predicted(options):
    model = NNRegressor(**{**QUICK, "epochs": 30}, **options).fit(ROWS, np.full(21, 7.0))
    np.testing.assert_allclose(model.predict(ROWS), 7.0, atol=0.5)


def test_a_class_whose_rows_all_have_the_weight_0():
    model = NNClassifier(**QUICK).fit(ROWS, THREE, (THREE != 1).astype(float))
    assert model.predict_proba(ROWS).shape == (21, 3)


def test_copies_of_two_rows():
    model = NNClassifier(**QUICK).fit(np.repeat(ROWS[:2], 30, axis=0), np.repeat([0, 1], 30))
    assert model.predict(ROWS[:2]).tolist() == [0, 1]


def test_more_members_than_rows():
    with pytest.raises(ValueError, match="10 rows can be divided into 2 to 10 folds"):
        NNRegressor(**QUICK, n_members=11).fit(ROWS[:10], ROWS[:10, 0])


def test_numbers_near_the_largest():
    assert np.isfinite(NNRegressor(**QUICK).fit(1e300 * ROWS, ROWS[:, 0]).predict(1e300 * ROWS)).all()
