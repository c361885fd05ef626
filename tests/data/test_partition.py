"""Two parts of the rows: the same rows as scikit-learn's, which is the oracle, and clear errors."""

import numpy as np
import pytest

from nnlite.data.partition import random_parts, stratified_parts
from nnlite.errors import DataError

BALANCES = {
    "even": lambda random, count: np.arange(count) % 4,
    "two": lambda random, count: random.integers(0, 2, count),
    "rare": lambda random, count: (np.arange(count) < max(2, count // 20)).astype(int),
    "many": lambda random, count: random.integers(0, max(count // 5, 1), count),
    "skewed": lambda random, count: np.minimum(random.geometric(0.3, count), 9),
    "texts": lambda random, count: random.choice(["b", "a", "cc"], count, p=[0.2, 0.7, 0.1]),
    "numbers": lambda random, count: random.choice([-1.5, 0.0, 7.0], count),
}


@pytest.mark.parametrize("seed", range(5))
def test_random_rows_are_those_of_the_oracle(seed):
    selection = pytest.importorskip("sklearn.model_selection")
    for count in (2, 3, 10, 57, 1000):
        for held in {1, count // 3, count // 2, count - 1} - {0}:
            expected = selection.train_test_split(np.arange(count), test_size=held, random_state=seed)
            for part, rows in zip(random_parts(count, held, seed), expected, strict=True):
                np.testing.assert_array_equal(part, rows, strict=True)


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("seed", [0, 1, 7, 2**31 - 1])
def test_stratified_rows_and_refusals_are_those_of_the_oracle(balance, seed):
    selection = pytest.importorskip("sklearn.model_selection")
    divided = 0
    for count in (5, 12, 40, 101, 999, 2500):
        labels = BALANCES[balance](np.random.default_rng(seed + count), count)
        for held in {1, 2, count // 10, count // 3, count // 2, count - 3} - {0}:
            try:
                options = {"test_size": held, "stratify": labels, "random_state": seed}
                expected = selection.train_test_split(np.arange(count), **options)
            except ValueError:
                with pytest.raises(DataError, match="cannot be stratified"):
                    stratified_parts(labels, held, seed)
                continue
            divided += 1
            for part, rows in zip(stratified_parts(labels, held, seed), expected, strict=True):
                np.testing.assert_array_equal(part, rows, strict=True)
    assert divided >= 4


def test_the_rows_of_a_seed_never_change():
    assert [part.tolist() for part in random_parts(8, 3, 0)] == [[7, 3, 0, 5, 4], [6, 2, 1]]
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    assert [part.tolist() for part in stratified_parts(labels, 3, 0)] == [[1, 5, 4, 2, 7], [6, 3, 0]]


@pytest.mark.parametrize(
    ("labels", "held", "message"),
    [
        ([0, 0, 0, 1], 2, "4 rows cannot be stratified: of 2 classes each .*, and class 1 has 1 in all"),
        ([0, 0, 1, 1, 2, 2], 2, "6 rows cannot be stratified: of 3 classes each needs a row in both parts"),
        ([0, 0, 1, 1, 2, 2], 4, "6 rows cannot be stratified: of 3 classes"),
    ],
)
def test_impossible_divisions_are_named(labels, held, message):
    with pytest.raises(DataError, match=message):
        stratified_parts(np.array(labels), held, 0)
