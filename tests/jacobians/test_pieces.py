"""Matrix products in pieces: the same numbers, whatever the factors look like, and whichever way is taken."""

import numpy as np
import pytest

from nnlite.arrays import contraction
from nnlite.arrays.contraction import MANY, multiply, multiply_turned, rows_of_pieces, turning_pays
from nnlite.kernels import aligned_zeros


@pytest.fixture
def taken(monkeypatch):
    """The products that were made in pieces, on any machine."""
    taken, whole = [], contraction.multiply_in_pieces

    def counted(left, right, out, rows):
        taken.append(rows)
        return whole(left, right, out, rows)

    monkeypatch.setattr(contraction, "PIECE", 10**6)
    monkeypatch.setattr(contraction, "several_threads", lambda: False)
    monkeypatch.setattr(contraction, "multiply_in_pieces", counted)
    return taken


def factors(rows, inner, columns, dtype="float32"):
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape).astype(dtype) for shape in ((rows, inner), (inner, columns))]


@pytest.mark.parametrize("rows", [MANY, MANY + 1, 2 * MANY + 243])
@pytest.mark.parametrize("given", [True, False])
def test_products_of_many_rows_are_made_in_pieces_and_are_right(taken, rows, given):
    left, right = factors(rows, 64, 48)
    out = np.full((rows, 48), np.nan, np.float32) if given else None
    result = multiply(left, right, out)
    assert result is out if given else result.flags.c_contiguous
    np.testing.assert_allclose(result, left.astype(float) @ right.astype(float), rtol=0, atol=1e-4)
    assert taken == [10**6 // right.size // 4 * 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda left, right: (left[: MANY - 1], right),
        lambda left, right: (left[:, :3], right[:3]),
        lambda left, right: (np.asfortranarray(left), right),
        lambda left, right: (left, np.asfortranarray(right)),
        lambda left, right: (left.astype(float), right),
        lambda left, right: (left, np.zeros((64, 10**5), np.float32)),
    ],
)
def test_what_gains_nothing_by_pieces_is_made_as_a_whole(taken, change):
    left, right = change(*factors(MANY, 64, 48))
    np.testing.assert_array_equal(multiply(left, right), np.dot(left, right))
    assert not taken


def test_what_several_threads_share_is_made_as_a_whole(taken, monkeypatch):
    monkeypatch.setattr(contraction, "several_threads", lambda: True)
    left, right = factors(MANY, 64, 48)
    np.testing.assert_array_equal(multiply(left, right), np.dot(left, right))
    assert not taken


def aligned(rows, columns):
    return aligned_zeros(rows * columns, np.dtype("float32")).reshape(rows, columns)


def test_few_rows_go_in_pieces_where_the_right_factor_is_large_and_aligned(taken):
    assert rows_of_pieces(64, aligned(784, 128)) == 8
    assert not rows_of_pieces(64, aligned(256, 128))  # pieces of it are read from the memory as slowly as it is copied
    assert not rows_of_pieces(64, aligned(785, 128)[:, :100].copy())  # its rows begin anywhere
    assert not rows_of_pieces(64, aligned(1, 784 * 128 + 16)[0, 1 : 784 * 128 + 1].reshape(784, 128))
    left, right = factors(100, 784, 128)
    kernel = aligned(784, 128)
    kernel[...] = right
    np.testing.assert_allclose(multiply(left, kernel), left.astype(float) @ right, rtol=0, atol=1e-3)
    assert taken == [8]


def test_pieces_of_few_rows_need_an_aligned_factor_also_where_there_are_many(taken):
    assert rows_of_pieces(MANY, aligned(784, 128)) == 8
    assert not rows_of_pieces(MANY, aligned(300, 300))
    assert rows_of_pieces(MANY, aligned(784, 10)) == 124


@pytest.mark.parametrize("columns", [784, 789, 519])
def test_the_transposed_factor_is_multiplied_in_pieces_of_its_columns(taken, columns):
    left, right = factors(64, columns, 128)[0], aligned(64, 128)
    right[...] = np.random.default_rng(1).standard_normal((64, 128))
    out = np.full((columns, 128), np.nan, np.float32)
    multiply_turned(left, right, out)
    np.testing.assert_allclose(out, left.T.astype(float) @ right, rtol=0, atol=1e-4)


def test_the_right_factor_is_copied_where_that_takes_little_of_the_time(taken):
    kind = np.dtype("float32")
    assert turning_pays(784, 64, 128, kind)
    assert not turning_pays(784, 64, 100, kind)  # its rows begin anywhere
    assert not turning_pays(784, 256, 128, kind)  # pieces of few columns
    assert not turning_pays(256, 64, 128, kind)
    assert not turning_pays(784, 64, 128, np.dtype("float64"))
