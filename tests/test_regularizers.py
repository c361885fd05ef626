"""Every regularizer: its penalty by hand, its gradient by central differences."""

import numpy as np
import pytest
from numeric import stencil
from registered import registered

from nnlite import ops
from nnlite.errors import ConfigError
from nnlite.registry import register_function
from nnlite.regularizers import L1, L1L2, L2, FunctionRegularizer, OrthogonalRegularizer, Regularizer

# Regularizer and its penalty of [[1, -2], [3, 0.5]]: the absolute values sum to 6.5, the squares to 14.25.


@register_function
def doubled_squares(values):
    return 2 * ops.sum(ops.square(values))


CASES = [
    (L1(), 0.065),
    (L1(0.5), 3.25),
    (L2(), 0.1425),
    (L2(2.0), 28.5),
    (L1L2(), 0.0),
    (L1L2(l1=0.5, l2=2.0), 31.75),
    (FunctionRegularizer(doubled_squares), 28.5),
]
VALUES = np.array([[1.0, -2.0], [3.0, 0.5]])
each = pytest.mark.parametrize("regularizer, penalty", CASES, ids=str)


def test_every_regularizer_has_a_case():
    own = set(registered(Regularizer))
    assert own == {type(case[0]).__name__ for case in CASES} | {"OrthogonalRegularizer"}


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_rows_or_columns(mode):
    regularizer = OrthogonalRegularizer(2.0, mode)
    matrix = np.random.default_rng(0).normal(size=(4, 3))
    rows = matrix if mode == "rows" else matrix.T
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    cosines = [rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j]) for i, j in pairs]
    assert regularizer(matrix) == pytest.approx(2 * np.mean(np.abs(cosines)), rel=1e-12)
    gradient = np.ones_like(matrix)
    regularizer.add_gradient(matrix, gradient)
    (expected,) = [stencil(regularizer, [matrix])]
    np.testing.assert_allclose(gradient - 1, expected, atol=1e-9)
    assert regularizer(np.eye(3)) == 0
    with pytest.raises(ConfigError, match=r"OrthogonalRegularizer.*matrices.*\(3,\)"):
        regularizer(np.ones(3))


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_penalty(regularizer, penalty, dtype):
    values = VALUES.astype(dtype)
    found = regularizer.penalty(values)
    assert type(found) is float
    assert found == pytest.approx(penalty, rel=1e-6 if dtype == "float32" else 1e-14)
    assert regularizer(values) == found
    assert regularizer.penalty(values.T) == pytest.approx(found, rel=1e-6)


@each
def test_gradient(regularizer, penalty):
    gradient = np.full(VALUES.shape, 10.0)
    before = VALUES.copy()
    regularizer.add_gradient(VALUES, gradient)
    np.testing.assert_array_equal(VALUES, before)
    step = 1e-3  # any step is exact for a quadratic, and for abs as long as no sign changes
    for index in np.ndindex(VALUES.shape):
        shift = np.zeros(VALUES.shape)
        shift[index] = step
        slope = (regularizer.penalty(VALUES + shift) - regularizer.penalty(VALUES - shift)) / (2 * step)
        assert gradient[index] - 10.0 == pytest.approx(slope, abs=1e-11)


@each
@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 4)])
def test_gradient_keeps_dtype_and_shape(regularizer, penalty, shape):
    values = np.ones(shape, np.float32)
    gradient = np.zeros(shape, np.float32)
    regularizer.add_gradient(values, gradient)
    slope = 4.0 if isinstance(regularizer, FunctionRegularizer) else regularizer.l1 + 2 * regularizer.l2
    np.testing.assert_allclose(gradient, slope, rtol=1e-6)


def test_gradient_is_zero_where_l1_has_a_kink():
    gradient = np.zeros(1)
    L1(0.5).add_gradient(np.zeros(1), gradient)
    assert gradient[0] == 0.0


@each
def test_config_round_trip(regularizer, penalty):
    again = Regularizer.get(regularizer.to_spec())
    assert type(again) is type(regularizer)
    assert again.get_config() == regularizer.get_config()


@pytest.mark.parametrize("name, expected", [("l1", L1), ("L2", L2), ("l1_l2", L1L2), ("l1l2", L1L2)])
def test_names_as_in_keras(name, expected):
    assert type(Regularizer.get(name)) is expected


def test_none_is_the_default_strength():
    assert (L1(None).l1, L2(None).l2) == (0.01, 0.01)
    assert L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}


@pytest.mark.parametrize(
    "spec, message",
    [
        ("l3", r"unknown regularizer 'l3'.*Allowed: FunctionRegularizer, L1, L1L2, L2"),
        ({"L2": {"l2": -0.1}}, r"L2.l2: must be >= 0, got -0.1"),
        ({"L2": {"l1": 0.1}}, r"L2.l1: unknown argument 'l1'; .*Allowed: l2"),
        ({"L1L2": {"l2": float("inf")}}, r"L1L2: the strength of a penalty must be finite, got \(0.0, inf\)"),
        ({"L1": {"l1": "much"}}, r"L1.l1: expected a number, got 'much'"),
    ],
)
def test_wrong_arguments(spec, message):
    with pytest.raises(ConfigError, match=message):
        Regularizer.get(spec)
