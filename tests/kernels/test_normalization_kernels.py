"""Normalized rows: NumPy's kernels against the formula and the maps, compiled ones against NumPy's."""

import importlib.util

import numpy as np
import pytest

from nnlite import kernels
from nnlite.jacobians import Composed, Diagonal, NormalizationJacobians, Standardize, StandardizeGroups
from nnlite.kernels.reference import normalization as reference
from nnlite.layers import LayerNormalization

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
pytestmark = pytest.mark.usefixtures("choice_restored")
PARTS = ["", "gamma", "beta", "gamma beta"]


def example(parts, dtype, rows=150, features=21):
    """Rows far from 0, gamma and beta or None, and a cotangent."""
    generator = np.random.default_rng(0)
    x, cotangent = (generator.standard_normal((rows, features)).astype(dtype) for _ in range(2))
    gamma, beta = (generator.standard_normal(features).astype(dtype) if n in parts else None for n in ("gamma", "beta"))
    return 3 + 2 * x, gamma, beta, cotangent


@pytest.mark.parametrize("block", [2**16, 100, 1])
@pytest.mark.parametrize("parts", PARTS)
def test_blocks_of_any_size_give_the_formula_and_the_products_of_the_maps(parts, block, monkeypatch):
    monkeypatch.setattr(reference, "BLOCK", block)
    rows, gamma, beta, cotangent = example(parts, "float64")
    outputs, standardized, inverse = reference.normalize(rows, gamma, beta, 1e-3)
    deviation = np.sqrt(rows.var(axis=1, keepdims=True) + 1e-3)
    expected = (rows - rows.mean(axis=1, keepdims=True)) / deviation
    np.testing.assert_allclose(standardized, expected, rtol=1e-12, atol=1e-13)
    scale, center = (1 if gamma is None else gamma), (0 if beta is None else beta)
    np.testing.assert_allclose(outputs, expected * scale + center, rtol=1e-12, atol=1e-13)
    by_rows, by_gamma, by_beta = reference.normalize_pull(cotangent, standardized, inverse, gamma)
    standardize = Standardize(expected, 1 / deviation, (-1,))
    np.testing.assert_allclose(by_rows, standardize.vjp(cotangent * scale), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(by_gamma, (cotangent * expected).sum(axis=0), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(by_beta, cotangent.sum(axis=0), rtol=1e-11, atol=1e-12)


@needs_numba
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parts", PARTS)
def test_compiled_rows_are_those_of_numpy(parts, dtype, monkeypatch):
    rows, gamma, beta, cotangent = example(parts, dtype)
    given = reference.normalize(rows, gamma, beta, 1e-3)
    expected = [*given, *reference.normalize_pull(cotangent, *given[1:], gamma)]
    kernels.use("numba")
    for name in ("normalize", "normalize_pull"):
        monkeypatch.setattr(reference, name, None)  # nothing may be left to NumPy
    results = [*kernels.normalize(rows, gamma, beta, 1e-3), *kernels.normalize_pull(cotangent, *given[1:], gamma)]
    for own, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=np.finfo(dtype).eps * 8 * np.abs(other).max())


@pytest.mark.parametrize("choice", ["numpy", pytest.param("numba", marks=needs_numba)])
@pytest.mark.parametrize("options", [{}, {"center": False}, {"scale": False}, {"axis": (1, 2)}, {"axis": 1}])
def test_a_layer_gives_the_products_of_its_maps(options, choice):
    kernels.use(choice)
    generator = np.random.default_rng(0)
    x, cotangent = generator.standard_normal((2, 5, 4, 3))
    layer = LayerNormalization(dtype="float64", **options)
    layer(x)
    values = [generator.standard_normal(own.shape) for own in layer.values]
    _, bundle = layer.linearize(x, *values)
    assert isinstance(bundle, NormalizationJacobians) == (options.get("axis") != 1)
    into = [np.empty(own.shape) for own in (x, *values)]
    products, written = bundle.vjp(cotangent), bundle.vjp(cotangent, None, into)
    chosen = bundle.vjp(cotangent, (True, *[False] * len(values)))
    for index, (product, target) in enumerate(zip(products, into, strict=True)):
        np.testing.assert_allclose(product, bundle[index].vjp(cotangent), rtol=1e-11, atol=1e-13)
        assert written[index] is target
        np.testing.assert_allclose(target, product, rtol=1e-15)
        assert (chosen[index] is None) == (index > 0)
        seeds = bundle.vjp(np.stack([cotangent, 2 * cotangent]))[index]
        np.testing.assert_allclose(seeds[1], 2 * product, rtol=1e-11, atol=1e-13)


def test_the_whole_map_of_the_inputs_is_composed_of_two():
    layer = LayerNormalization(dtype="float64")
    layer(np.ones((2, 3)))
    _, bundle = layer.linearize(np.arange(6.0).reshape(2, 3) ** 2, *layer.values)
    assert isinstance(bundle[0], Composed)
    assert [type(part) for part in bundle[0].maps] == [Diagonal, Standardize]


GROUPS = [21, 7, 1]


def stacked(parts, dtype):
    rows, gamma, beta, cotangent = example(parts, dtype, rows=300)
    return rows.reshape(3, 100, 21), gamma, beta, cotangent.reshape(3, 100, 21)


@pytest.mark.parametrize("block", [2**16, 100, 1])
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("parts", PARTS)
def test_columns_give_the_formula_and_the_products_of_the_maps(parts, groups, block, monkeypatch):
    monkeypatch.setattr(reference, "BLOCK", block)
    rows, gamma, beta, cotangent = stacked(parts, "float64")
    outputs, standardized, inverse, mean, variance = reference.normalize_columns(rows, gamma, beta, 1e-3, groups)
    apart = rows.reshape(3, 100, groups, -1)
    moments = [own.repeat(21 // groups, axis=1) for own in (apart.mean(axis=(1, 3)), apart.var(axis=(1, 3)))]
    for own, expected in zip((mean, variance, inverse), (*moments, 1 / np.sqrt(moments[1] + 1e-3)), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-12)
    expected = (rows - moments[0][:, None]) / np.sqrt(moments[1] + 1e-3)[:, None]
    np.testing.assert_allclose(standardized, expected, rtol=1e-11, atol=1e-12)
    scale, center = (1 if gamma is None else gamma), (0 if beta is None else beta)
    np.testing.assert_allclose(outputs, expected * scale + center, rtol=1e-11, atol=1e-12)
    by_rows, by_gamma, by_beta = reference.normalize_columns_pull(cotangent, standardized, inverse, gamma, groups)
    part = StandardizeGroups(expected, inverse[:, None], groups)
    np.testing.assert_allclose(by_rows, part.vjp(cotangent * scale), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(by_gamma, (cotangent * expected).sum(axis=(0, 1)), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(by_beta, cotangent.sum(axis=(0, 1)), rtol=1e-11, atol=1e-11)


@needs_numba
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("groups", GROUPS)
@pytest.mark.parametrize("parts", PARTS)
def test_compiled_columns_are_those_of_numpy(parts, groups, dtype, monkeypatch):
    rows, gamma, beta, cotangent = stacked(parts, dtype)
    given = reference.normalize_columns(rows, gamma, beta, 1e-3, groups)
    expected = [*given, *reference.normalize_columns_pull(cotangent, *given[1:3], gamma, groups)]
    kernels.use("numba")
    for name in ("normalize_columns", "normalize_columns_pull"):
        monkeypatch.setattr(reference, name, None)  # nothing may be left to NumPy
    results = [
        *kernels.normalize_columns(rows, gamma, beta, 1e-3, groups),
        *kernels.normalize_columns_pull(cotangent, *given[1:3], gamma, groups),
    ]
    for own, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=np.finfo(dtype).eps * 16 * np.abs(other).max())
