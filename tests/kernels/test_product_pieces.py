"""Matrix products in pieces: the numbers of the whole, and pieces only where they pay."""

import numpy as np
import pytest

from nnlite.kernels import aligned_zeros

numba = pytest.importorskip("numba")

from nnlite.kernels.compiled.parts import products  # noqa: E402
from nnlite.kernels.compiled.recurrent import SGEMM  # noqa: E402


@numba.njit
def multiplied(left, right, out, apart):
    products.multiply(left, right, out, apart)


@numba.njit
def multiplied_turned(left, right, out, apart, address):
    products.multiply_turned(left, right, out, apart, address)


def aligned(array):
    memory = aligned_zeros(array.size, array.dtype).reshape(array.shape)
    memory[...] = array
    return memory


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize(
    "rows, inner, columns", [(64, 784, 128), (61, 784, 128), (5, 3, 2), (500, 128, 65), (64, 900, 300)]
)
def test_products_are_those_of_numpy(rows, inner, columns, apart, dtype):
    generator = np.random.default_rng(0)
    left, right = generator.standard_normal((rows, inner)), generator.standard_normal((inner, columns))
    expected, tolerance = left @ right, 1e-12 if dtype == "float64" else 1e-5
    left, right = left.astype(dtype), aligned(right.astype(dtype))
    for multiply in (
        lambda out: multiplied(left, right, out, apart),
        lambda out: multiplied_turned(np.ascontiguousarray(left.T), right, out, apart, SGEMM),
    ):
        out = np.full((rows, columns), np.nan, dtype)
        multiply(out)
        np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance * np.abs(expected).max())


def test_a_matrix_is_turned():
    matrix = np.arange(35.0).reshape(5, 7)
    transpose = products.turned(matrix)
    np.testing.assert_array_equal(transpose, matrix.T)
    assert transpose.ctypes.data % 64 == 0


def test_pieces_are_a_multiple_of_eight_rows_below_a_million_multiply_adds(monkeypatch):
    monkeypatch.setattr(products, "PIECE", 10**6)
    rows_of = products.rows_of_pieces.py_func
    assert rows_of(64, 784 * 128, True) == 8
    assert rows_of(784, 64 * 128, True) == 120
    assert rows_of(64, 784 * 128, False) == 0  # a second thread shares the whole
    assert rows_of(24, 784 * 128, True) == 0  # too few pieces
    assert rows_of(64, 784 * 512, True) == 0  # a piece of eight rows is too large
    assert rows_of(10_000, 1000, True) == 0  # short vectors begin anywhere


def test_the_right_factor_is_turned_where_that_takes_little_of_the_time(monkeypatch):
    monkeypatch.setattr(products, "PIECE", 10**6)
    monkeypatch.setattr(products, "rows_of_pieces", products.rows_of_pieces.py_func)  # which reads it
    pays = products.turning_pays.py_func
    assert pays(784, 64 * 128, True)
    assert not pays(256, 64 * 128, True)  # few products for each number that is turned
    assert not pays(784, 128 * 512, True)  # its columns lie far apart
    assert not pays(784, 64 * 128, False)


def test_the_right_factor_of_small_products_is_turned_where_that_takes_little_of_the_time(monkeypatch):
    monkeypatch.setattr(products, "PIECE", 10**6)
    pays = products.small_turning_pays.py_func
    assert pays(65, 32, 64)
    assert not pays(14, 32, 64)  # few products for each number that is turned
    assert not pays(33, 128, 32)
    assert not pays(65, 32, 8)
    assert not pays(65, 64, 128)  # its columns lie far apart
    assert not pays(500, 32, 128)  # the library copies it anyway
    monkeypatch.setattr(products, "PIECE", 0)
    assert not pays(65, 32, 64)
