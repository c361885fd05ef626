"""Batches of the perceptrons that compiled code takes together are the same steps as one by one."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits, make_multilabel_classification, make_regression

from nnlite import MLPClassifier, MLPRegressor, kernels

pytest.importorskip("numba")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("choice_restored"),
]

DIGITS, DIGIT = load_digits(return_X_y=True)
DIGITS, DIGIT = DIGITS[:331] / 16, DIGIT[:331]  # ten full batches of 32, and one of 11 rows
LABELS = make_multilabel_classification(331, random_state=0)
NUMBERS, PAIRS = (make_regression(331, 6, n_targets=count, random_state=0) for count in (1, 2))
# name: the estimator, its data, and whether batches may be taken together
CASES = {
    "classes": (MLPClassifier, (DIGITS, DIGIT), True),
    "two classes": (MLPClassifier, (DIGITS, DIGIT > 4), True),
    "labels": (MLPClassifier, LABELS, True),
    "numbers": (MLPRegressor, (NUMBERS[0], NUMBERS[1] / 100), True),
    # scikit-learn shows the mean of two targets' losses and minimizes the sum
    "two targets": (MLPRegressor, (PAIRS[0], PAIRS[1] / 100), False),
    "weights": (MLPClassifier, (DIGITS, DIGIT, np.random.default_rng(0).random(331)), False),
    "sparse": (MLPClassifier, (scipy.sparse.csr_array(DIGITS), DIGIT), False),
}


@pytest.mark.parametrize("options", [{}, {"shuffle": False, "solver": "sgd"}, {"early_stopping": True}])
@pytest.mark.parametrize("case", CASES)
def test_losses_and_weights_are_those_of_single_steps(case, options, step_calls):
    cls, data, together = CASES[case]
    fits = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model = cls(
            hidden_layer_sizes=(9,),
            batch_size=32,
            max_iter=4,
            alpha=1.0,
            random_state=0,
            learning_rate_init=0.01,
            **options,
        )
        fits.append(model.fit(*data))
        assert bool(step_calls) == (choice == "numba")
    assert (max(step_calls) > 1) == together
    batches = -(-round(331 * (0.9 if "early_stopping" in options else 1)) // 32)
    assert sum(step_calls) == 4 * batches
    theirs, ours = fits
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
    for one, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)


def test_losses_beyond_what_scikit_learn_counts_are_cut_in_each_row(step_calls):
    curves = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model = MLPClassifier((5,), batch_size=32, max_iter=3, random_state=0, learning_rate_init=5.0)
        curves.append(model.fit(DIGITS * 1e3, DIGIT).loss_curve_)
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-6)


def test_a_table_lasts_for_each_size_of_batch(step_calls, monkeypatch):
    from nnlite.kernels.reference.forms import Standing

    made, table = [], Standing.table
    monkeypatch.setattr(Standing, "table", lambda self: made.append(self) or table(self))
    kernels.use("numba")
    MLPClassifier((9,), batch_size=32, max_iter=6, random_state=0).fit(DIGITS, DIGIT)
    assert len(made) == 2  # of full batches, and of the last one
