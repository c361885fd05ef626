"""Sparse matrices give the numbers of dense ones, and never become dense as a whole."""

import tracemalloc

import numpy as np
import pytest

from nnlite import NNClassifier, NNRegressor
from nnlite.arrays.rows import SparseRows
from nnlite.data.batches import ArrayBatches, check_finite
from nnlite.errors import DataError
from nnlite.layers import RobustScaling

sparse = pytest.importorskip("scipy.sparse")

RANDOM = np.random.default_rng(0)
DENSE = RANDOM.normal(size=(150, 12)) * (RANDOM.random((150, 12)) < 0.3)
DENSE = np.vstack([DENSE, DENSE[:10]])  # some rows are there twice
CLASSES = (DENSE[:, 0] + DENSE[:, 1] > 0.2).astype(int)
NUMBERS = DENSE[:, 0] * 3 + DENSE[:, 2]
WEIGHTS = RANDOM.integers(0, 3, len(DENSE)).astype(float)
QUICK = {"hidden_layer_sizes": 8, "epochs": 3, "random_state": 0}
TASKS = pytest.mark.parametrize(("cls", "y"), [(NNClassifier, CLASSES), (NNRegressor, NUMBERS)])
FORMS = pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@FORMS
@pytest.mark.parametrize(
    "options",
    [{}, {"n_members": 1}, {"standardize": False}, {"early_stopping": False, "n_members": 1}, {"optimizer": "lbfgs"}],
)
@TASKS
def test_sparse_equals_dense(cls, y, options, form):
    fits = [cls(**QUICK, **options).fit(table, y, WEIGHTS) for table in (DENSE, form(DENSE))]
    predictions = [model.predict(table) for model in fits for table in (DENSE, form(DENSE))]
    for other in predictions[1:]:
        np.testing.assert_array_equal(other, predictions[0])
    assert fits[0].history_ == fits[1].history_
    if cls is NNClassifier:
        np.testing.assert_array_equal(*(model.predict_proba(form(DENSE)) for model in fits))


@pytest.mark.parametrize("n_members", [1, 3])
@TASKS
def test_sparse_rows_judge_and_are_learnt_from_in_passes(cls, y, n_members):
    tables = DENSE.astype(np.float32), sparse.csr_array(DENSE.astype(np.float32))
    judged = [cls(**QUICK, n_members=n_members).fit(t[30:], y[30:], X_val=t[:30], y_val=y[:30]) for t in tables]
    assert judged[0].history_ == judged[1].history_
    passes = [cls(**QUICK, n_members=n_members) for _ in tables]
    first = {"classes": [0, 1]} if cls is NNClassifier else {}
    for _ in range(2):
        for model, table in zip(passes, tables, strict=True):
            model.partial_fit(table, y, **first)
    np.testing.assert_array_equal(passes[0].predict(tables[0]), passes[1].predict(tables[1]))


def test_explanations_of_sparse_rows():
    model = NNRegressor(**QUICK).fit(sparse.csr_array(DENSE), NUMBERS)
    for dense, other in zip(
        model.predict(DENSE, return_jacobian=True, return_std=True),
        model.predict(sparse.csr_array(DENSE), return_jacobian=True, return_std=True),
        strict=True,
    ):
        np.testing.assert_array_equal(dense, other)
    np.testing.assert_array_equal(model.sensitivities(DENSE), model.sensitivities(sparse.csr_array(DENSE)))


def test_the_matrix_of_the_user_stays_as_it_is():
    matrix = sparse.csr_matrix((np.ones(4), ([0, 0, 1, 2], [1, 1, 0, 2])), shape=(3, 3))
    twice = sparse.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape=(3, 3))
    twice.data, twice.indices, twice.indptr = np.ones(4), np.array([1, 1, 0, 2]), np.array([0, 2, 3, 4])
    twice.has_canonical_format = False
    NNRegressor(**QUICK).fit(twice, [0.0, 1.0, 2.0])
    assert twice.nnz == 4


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="contains NaN"):
        NNRegressor(**QUICK).fit(sparse.csr_array(np.where(DENSE[0, 0] == DENSE, np.nan, DENSE)), NUMBERS)


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_wide_matrix_is_never_made_dense(n_members):
    """Dense it were 153 MiB, and its statistics and scaled copies several times that."""
    matrix = sparse.random(4_000, 5_000, 0.001, format="csr", random_state=0)
    y = np.asarray(matrix[:, :2500].sum(axis=1)).ravel() > np.asarray(matrix[:, 2500:].sum(axis=1)).ravel()
    tracemalloc.start()
    model = NNClassifier(hidden_layer_sizes=8, epochs=1, random_state=0, n_members=n_members).fit(matrix, y)
    model.predict(matrix)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert peak < 80 + 100 * n_members


def test_scaling_takes_the_statistics_of_columns_some_at_a_time(monkeypatch):
    monkeypatch.setattr("nnlite.arrays.rows.CELLS_AT_ONCE", 500)  # 3 columns
    layers = [RobustScaling(columns=[1, 4, 5], dtype="float64") for _ in range(2)]
    layers[0].adapt(DENSE)
    layers[1].adapt(SparseRows(sparse.csr_array(DENSE)))
    for first, second in zip(*(layer.get_weights() for layer in layers), strict=True):
        np.testing.assert_array_equal(first, second)


def test_rows_are_made_when_they_are_taken():
    rows = SparseRows(sparse.csr_array(DENSE), lambda dense: dense + 1, np.float32)
    assert (len(rows), rows.shape, rows.ndim, rows.dtype) == (160, (160, 12), 2, np.float32)
    expected = (DENSE + 1).astype(np.float32)
    np.testing.assert_array_equal(rows[3:9], expected[3:9])
    places = np.array([[5, 5], [0, 159]])
    np.testing.assert_array_equal(rows.take(places), expected[places])
    np.testing.assert_array_equal(rows.select(places[0])[:], expected[places[0]])
    np.testing.assert_array_equal(rows.astype(np.float64)[:], DENSE + 1)
    batches = [x for x, _, _ in ArrayBatches((rows, None, None), 100, shuffle_seed=0).epoch()]
    np.testing.assert_array_equal(np.sort(np.concatenate(batches), axis=0), np.sort(expected, axis=0))
    assert "160, 12" in repr(rows)


def test_the_place_of_a_value_that_is_not_finite_is_named():
    broken = DENSE.copy()
    broken[7, 3] = np.inf
    with pytest.raises(DataError, match="row 7, column 3"):
        check_finite(SparseRows(sparse.csr_array(broken)))
