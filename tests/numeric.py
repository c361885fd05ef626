"""Numerical derivatives: what every analytic Jacobian is measured against."""

import numpy as np
import pytest

from nnlite.ops.tracing import Trace

EXACT, NEAR = 1e-12, 1e-8  # how close an analytic Jacobian comes to a complex step, to a stencil
STEP = 1e-3  # the stencil's truncation is STEP ** 4 / 30, its rounding 1e-16 / STEP: both near 1e-13
COMPLEX_STEP = 1e-30  # there is no difference of near values, so no rounding to balance


def complex_step(function, arrays, which=0):
    """Jacobian of `function(*arrays)` by `arrays[which]`, from the imaginary part of one complex evaluation each.

    Shape: `out_shape + in_shape`, as `todense` of a Jacobian.
    """
    return _columns(lambda shift: np.imag(function(*shift(1j * COMPLEX_STEP))) / COMPLEX_STEP, arrays, which)


def stencil(function, arrays, which=0, step=STEP):
    """The same from real values alone: (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, an error of order h ** 4."""
    weights = {-2: 1, -1: -8, 1: 8, 2: -1}

    def column(shift):
        return sum(weight * function(*shift(count * step)) for count, weight in weights.items()) / (12 * step)

    return _columns(column, arrays, which)


def _columns(column, arrays, which):
    """`column(shift)` for each element of `arrays[which]`; `shift(by)` gives the arrays with that element moved."""
    source = arrays[which]
    columns = []
    for place in np.ndindex(source.shape):

        def shift(by, place=place):
            moved = np.array(source, dtype=np.result_type(source, by))
            moved[place] += by
            return [moved if index == which else array for index, array in enumerate(arrays)]

        columns.append(column(shift))
    return np.stack(columns, axis=-1).reshape(np.shape(columns[0]) + source.shape)


def relative_error(found, expected):
    """The largest difference, in units of the largest expected entry, or of 0.1 where that is smaller."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"shape {found.shape} instead of {expected.shape}"
    if not expected.size:
        return 0.0
    return float(np.max(np.abs(found - expected)) / max(0.1, np.max(np.abs(expected))))


def contract(cotangent, dense, out_shape):
    """`cotangent` times a dense Jacobian: `(*seeds, *out) x (*out, *in) -> (*seeds, *in)`."""
    return np.tensordot(cotangent, dense, len(out_shape))


def push(dense, tangent, in_shape):
    """A dense Jacobian times `tangent`: `(*out, *in) x (*seeds, *in) -> (*seeds, *out)`."""
    rank, seeds = len(in_shape), np.ndim(tangent) - len(in_shape)
    own, other = range(dense.ndim - rank, dense.ndim), range(seeds, seeds + rank)
    return np.tensordot(tangent, dense, (list(other), list(own)))


def apart(*shape):
    """Numbers that keep away from each other and from the places where a piecewise function bends."""
    size = int(np.prod(shape))
    order = np.random.default_rng(size).permutation(size)
    return (order - size // 2).reshape(shape) * 0.2 + 0.037


def strided(array):
    """The same numbers, read-only, with gaps in memory and the order of axes reversed."""
    array = np.asarray(array)
    spread = np.zeros([2 * length for length in array.shape[::-1]], array.dtype).transpose()
    view = spread[(..., *[slice(None, None, 2)] * array.ndim)]
    view[...] = array
    view.flags.writeable = False
    return view


def check_value_and_derivative(function, expected, x, generator):
    """`function(x)` against `expected(x)`, if that is given, and its traced derivative against a difference."""
    value = np.asarray(function(x))
    if expected is not None:
        np.testing.assert_allclose(value, expected(x), rtol=1e-10, atol=1e-12)
    trace = Trace()
    traced = function(trace.variable(x))
    np.testing.assert_allclose(traced.value, value, rtol=1e-10, atol=1e-12)
    seed, direction = generator.normal(size=value.shape), generator.normal(size=x.shape)
    (gradient,) = trace.jacobians(traced).vjp(seed)
    ahead, behind = (np.asarray(function(x + step * direction)) for step in (1e-6, -1e-6))
    slope = np.sum(seed * (ahead - behind)) / 2e-6
    assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-5, abs=1e-6)
