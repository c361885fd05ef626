"""Exponentials of numbers up to 0, in vector instructions."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from nnlite.kernels.compiled.exponential import exponential, exponential_less_one  # noqa: E402


@numba.njit
def both(numbers, less_one):
    exponential(numbers)
    exponential_less_one(less_one)


@pytest.mark.parametrize("dtype, lowest, tolerance", [("float32", -85.0, 4e-7), ("float64", -10.0, 1e-12)])
def test_exponentials_are_exact_relative_to_themselves(dtype, lowest, tolerance):
    x = np.concatenate([np.linspace(lowest, 0, 501), -np.logspace(-30, 0, 100)]).astype(dtype)
    numbers, less_one, wide = x.copy(), x.copy(), x.astype("float64")
    both(numbers, less_one)
    np.testing.assert_allclose(numbers, np.exp(wide), rtol=tolerance, atol=0)
    np.testing.assert_allclose(less_one, np.expm1(wide), rtol=tolerance, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponentials_of_what_is_not_finite(dtype):
    numbers, less_one = np.array([[-np.inf, np.nan]] * 2, dtype)
    both(numbers, less_one)
    np.testing.assert_array_equal([numbers, less_one], [[0, np.nan], [-1, np.nan]])
