"""Rows to learn from: the same for weights, copies and any order."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from nnlite import NNClassifier
from nnlite.arrays.rows import SparseRows
from nnlite.estimators.fitting.rows import MOST_COPIES, distinct_rows
from nnlite.estimators.fitting.weights import class_weighted

X = np.array([[1.0, 0.0], [2.0, 5.0], [1.0, 0.0], [1.0, 0.0], [3.0, -0.0]])
Y = np.array([0, 0, 0, 1, 1])


def taken(X, y, rows):
    weights = np.ones(len(rows.first)) if rows.weights is None else rows.weights
    return X[rows.first].tolist(), y[rows.first].tolist(), weights.tolist()


def test_a_weight_is_a_number_of_copies_in_any_order():
    copies = distinct_rows(X, Y, None)
    order = np.array([4, 3, 1, 0])
    weights = distinct_rows(X[order], Y[order], np.array([1.0, 1.0, 1.0, 2.0]))
    assert copies.weights is None
    assert len(copies.first) == 5
    assert taken(X, Y, copies) == taken(X[order], Y[order], weights)


def test_fractions_are_added_up():
    rows = distinct_rows(X, Y, np.array([0.5, 1.0, 0.25, 1.0, 1.0]))
    assert len(rows.first) == 4
    assert sorted(rows.weights) == [0.75, 1.0, 1.0, 1.0]


def test_many_copies_are_weights():
    rows = distinct_rows(X, Y, np.full(5, float(MOST_COPIES)))
    assert rows.weights.sum() == 5 * MOST_COPIES
    assert len(rows.first) == 4


@pytest.mark.parametrize("weights", [None, [0.5, 1, 0.25, 1, 1]])
def test_each_row_finds_itself(weights):
    rows = distinct_rows(X, Y, None if weights is None else np.array(weights))
    np.testing.assert_array_equal(X[rows.first][rows.inverse], X)
    np.testing.assert_array_equal(Y[rows.first][rows.inverse], Y)
    if weights is None:
        assert sorted(rows.inverse) == [0, 1, 2, 3, 4]  # copies are told apart


def test_weight_0_is_no_row_and_minus_0_is_0():
    rows = distinct_rows(X, Y, np.array([1.0, 0.0, 1.0, 1.0, 1.0]))
    assert rows.inverse.tolist().count(-1) == 1
    assert 1 not in rows.first
    other = distinct_rows(np.abs(X), Y, None)
    np.testing.assert_array_equal(np.abs(X)[other.first], np.abs(X[distinct_rows(X, Y, None).first]))


def test_minus_0_is_0_as_a_target():
    rows = distinct_rows(np.ones((2, 1)), np.array([0.0, -0.0]), np.array([0.5, 0.25]))
    assert rows.weights.tolist() == [0.75]


def test_labels_are_told_apart_by_their_text():
    texts = ["a class", "another", "a class", "a class", "another"]
    objects = np.array(["".join(text) for text in texts], object)  # each a string of its own
    assert objects[0] is not objects[2]
    for of_objects, of_texts in zip(
        distinct_rows(X, objects, np.full(5, 0.5)), distinct_rows(X, np.array(texts), np.full(5, 0.5)), strict=True
    ):
        np.testing.assert_array_equal(of_objects, of_texts)


def test_sparse_rows_have_the_order_of_dense_ones():
    for sparse_rows, dense_rows in zip(
        distinct_rows(SparseRows(sparse.csr_array(X)), Y, np.ones(5)), distinct_rows(X, Y, np.ones(5)), strict=True
    ):
        np.testing.assert_array_equal(sparse_rows, dense_rows)


@pytest.mark.parametrize("class_weight", ["balanced", ["balanced", {0: 1.0, 1: 3.0}]])
def test_balanced_weights_of_classes_count_copies_as_weights(class_weight):
    y = np.array([0, 0, 1, 1, 1]) if class_weight == "balanced" else np.array([[0, 1, 1, 0, 1], [1, 0, 0, 1, 1]]).T
    labels = [0, 1] if y.ndim == 1 else [[0, 1], [0, 1]]
    counts = np.array([3, 1, 2, 0, 4])
    rows = np.repeat(np.arange(5), counts)
    weighted = class_weighted(counts.astype(float), class_weight, y, labels)
    copied = class_weighted(None, class_weight, y[rows], labels)
    np.testing.assert_allclose(weighted[rows], counts[rows] * copied, rtol=1e-14)
    if y.ndim == 1:
        np.testing.assert_allclose(weighted[y == 0].sum(), weighted[y == 1].sum())


def test_a_fit_with_balanced_classes_takes_a_weight_of_2_as_a_row_twice():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(60, 3)), random.integers(0, 3, 60)
    counts = random.integers(0, 3, 60)
    rows = np.repeat(np.arange(60), counts)
    model = NNClassifier(8, epochs=4, class_weight="balanced", random_state=0)
    weighted = clone(model).fit(X, y, sample_weight=counts).predict_proba(X)
    np.testing.assert_allclose(weighted, model.fit(X[rows], y[rows]).predict_proba(X), rtol=0, atol=1e-9)
