"""erf for real and complex numbers, against its power series in 400-bit numbers and against SciPy."""

import math
from fractions import Fraction

import numpy as np
import pytest

from nnlite import kernels
from nnlite.kernels.reference.error_function import BLOCK

SLOPE = Fraction("1.12837916709551257389615890312154517168810125865799771368817144")  # 2 / sqrt(pi)
BITS = 400
REAL = np.concatenate([np.linspace(-7, 7, 1401), np.logspace(-300, 0.8, 400), -np.logspace(-9, 0.8, 100)])


def exact(z: complex) -> complex:
    """2 / sqrt(pi) * the sum over n of (-1)^n z^(2n + 1) / (n! (2n + 1)), for |z| <= 8, rounded at the end."""
    a, b = (int(Fraction(part) * 2**BITS) for part in (z.real, z.imag))
    square = (a * a - b * b) >> BITS, (2 * a * b) >> BITS
    total = [0, 0]
    for n in range(300):
        total = [total[0] + a // (2 * n + 1), total[1] + b // (2 * n + 1)]
        a, b = (b * square[1] - a * square[0]) >> BITS, -(a * square[1] + b * square[0]) >> BITS
        a, b = a // (n + 1), b // (n + 1)
    return complex(*(float(Fraction(part, 2**BITS) * SLOPE) for part in total))


def complexes(size: float, count: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.uniform(-size, size, count) + 1j * random.uniform(-size, size, count)


def test_real_numbers_to_the_last_places():
    expected = np.array([exact(complex(x)).real if abs(x) > 1e-60 else x * float(SLOPE) for x in REAL])
    np.testing.assert_allclose(kernels.erf(REAL), expected, rtol=4.5e-16, atol=0)


def test_float32_stays_float32_to_two_last_places():
    x = np.concatenate([np.linspace(-5, 5, 100_001), np.logspace(-37, 0.7, 50_000)]).astype(np.float32)
    values = kernels.erf(x)
    expected = np.array([math.erf(number) for number in x.tolist()])
    assert values.dtype == np.float32
    assert (np.abs(values - expected) <= 2 * np.spacing(np.abs(expected).astype(np.float32))).all()


@pytest.mark.parametrize("size", [0.01, 1, 3, 5.5])
def test_complex_numbers(size):
    z = complexes(size, 150)
    expected = np.array([exact(number) for number in z.tolist()])
    error = np.abs(kernels.erf(z) - expected) / np.abs(expected)
    assert (error / (1 + np.abs(z) ** 2)).max() < 1e-15


@pytest.mark.parametrize("size", [2, 10, 20])
def test_complex_numbers_as_scipy(size):
    special = pytest.importorskip("scipy.special")
    z = complexes(size, 3000)
    z = z[z.imag**2 - z.real**2 < 600]
    np.testing.assert_allclose(kernels.erf(z) / special.erf(z), 1, rtol=1e-13, atol=0)
    np.testing.assert_array_equal(kernels.erf(-z), -kernels.erf(z))
    np.testing.assert_allclose(kernels.erf(z.conj()), kernels.erf(z).conj(), rtol=1e-15, atol=0)


@pytest.mark.parametrize("step", [1e-200, 1e-20, 1e-10, 1e-8, 1e-5])
def test_a_complex_step_is_the_derivative(step):
    x = np.linspace(-6, 6, 501)
    values = kernels.erf(x + 1j * step)
    np.testing.assert_allclose(values.real, kernels.erf(x), rtol=1e-9 if step == 1e-5 else 1e-15, atol=1e-16)
    third = (4 * x * x - 2) * step**2 / 6  # of the series by the step, visible from 1e-8 on
    expected = float(SLOPE) * np.exp(-x * x) * (1 - third)
    np.testing.assert_allclose(values.imag / step, expected, rtol=1e-13, atol=0)


def test_ends_zeros_and_missing_numbers():
    for kind in (np.float32, np.float64):
        x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30], kind)
        values = kernels.erf(x)
        np.testing.assert_array_equal(values, np.array([1, -1, np.nan, 0, 0, 1], kind), strict=True)
        assert np.signbit(values).tolist() == [False, True, False, False, True, False]


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "c8", "c16"])
def test_types_shapes_and_orders_are_kept(kind):
    table = np.linspace(-2, 2, 24).reshape(4, 6).astype(kind)
    expected = np.array([exact(complex(number)) for number in table.ravel().tolist()]).reshape(4, 6)
    rounding = 2 * np.finfo(kind).eps
    for x, result in ((table, expected), (table.T, expected.T), (table[::2, ::-1], expected[::2, ::-1])):
        values = kernels.erf(x)
        assert values.dtype == x.dtype and values.shape == x.shape
        np.testing.assert_allclose(values, result, rtol=rounding)
    assert kernels.erf(table.T).flags.f_contiguous
    assert kernels.erf(table[0, 0].reshape(())).shape == () and kernels.erf(table[:0]).shape == (0, 6)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.complex128])
def test_each_number_gets_its_value_wherever_it_stands(kind):
    x = np.linspace(-7, 7, 2 * BLOCK + 1001).astype(kind)
    parts = [kernels.erf(x[start : start + 777]) for start in range(0, len(x), 777)]
    np.testing.assert_array_equal(kernels.erf(x), np.concatenate(parts))


@pytest.mark.parametrize("kind", ["f4", "f8", "c8", "c16"])
def test_gelu_is_made_of_the_error_function(kind):
    x = np.concatenate([np.linspace(-12, 12, 4801), np.logspace(-30, 1, 300)]).astype(kind)
    wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    share = 0.5 * (1 + kernels.erf(wide * np.sqrt(0.5)))
    density = np.exp(-0.5 * wide * wide) / np.sqrt(2 * np.pi)
    outputs, slopes = kernels.gelu(x)
    assert outputs.dtype == slopes.dtype == x.dtype
    rounding = np.finfo(kind).eps
    # Below 0 the share is the small difference of 1/2 and a value near it, to half a unit in the last place of 1/2.
    assert (np.abs(outputs - wide * share) <= rounding * np.abs(wide)).all()
    assert (np.abs(slopes - share - wide * density) <= 2 * rounding).all()
    transposed = kernels.gelu(x[:4800].reshape(40, 120).T)
    np.testing.assert_array_equal(transposed[1].T.ravel(), slopes[:4800])


def test_gelu_passes_a_complex_step_and_missing_numbers():
    x = np.linspace(-9, 9, 401)
    np.testing.assert_allclose(kernels.gelu(x + 1e-20j)[0].imag / 1e-20, kernels.gelu(x)[1], rtol=1e-13, atol=1e-15)
    for kind in (np.float32, np.float64):
        assert np.isnan(kernels.gelu(np.array([np.nan], kind))).all()


@pytest.mark.parametrize("kind", ["f", "d"])
def test_gelu_is_flat_or_straight_far_out(kind):
    x = np.array([12, 1e5, 1e20, 1e37], kind)
    for sign in (-1, 1):
        outputs, slopes = kernels.gelu(sign * x)
        np.testing.assert_array_equal(outputs, np.maximum(sign * x, 0))
        np.testing.assert_allclose(slopes, sign > 0, atol=1e-17)
