"""Ties, limits and wrong input of ops."""

import decimal

import numpy as np
import pytest

from nnlite import ops
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.ops import Op


def test_ties_share_the_slope():
    for op in (ops.Maximum(), ops.Minimum()):
        op.forward(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
        left, right = op.backward(1)
        assert left[0] == right[0] == 0.5
        assert (left + right == 1).all()
    largest = ops.Max(axis=-1)
    largest.forward(np.array([[3.0, 1.0, 3.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(largest.backward(1), [[0.5, 0, 0.5], [1 / 3] * 3])


@pytest.mark.parametrize(
    ("op", "slope"),
    [
        (ops.ReLU(), 0.0),
        (ops.ReLU(0.25), 0.25),
        (ops.LeakyReLU(), 0.2),
        (ops.ELU(), 1.0),
        (ops.ELU(0.5), 0.5),
        (ops.SELU(), 1.0507009873554805 * 1.6732632423543772),
        (ops.CELU(0.3), 1.0),
        (ops.Mish(), 0.6),
        (ops.Abs(), 0.0),
        (ops.Softsign(), 1.0),
    ],
    ids=repr,
)
def test_slope_at_zero(op, slope):
    op.forward(np.zeros(2))
    np.testing.assert_array_equal(op.backward(1), [slope, slope])


def chosen_by_sign(x, scale, alpha):
    """ELU and its slopes, each number by the branch that it is on."""
    scale, low = x.dtype.type(scale), x.dtype.type(scale * alpha)
    below = low * np.expm1(np.where(x > 0, 0, x))
    return np.where(x > 0, scale * x, below), np.where(x > 0, scale, below + low)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elu_and_selu_are_their_branches_to_the_last_bit(dtype):
    large = np.array([-np.inf, -1e38, -1e-30, -0.0, 0.0, 1e-30, 1e38, np.inf])
    x = np.concatenate([np.random.default_rng(0).normal(0, 3, 10_000), large]).astype(dtype)
    for op, scale, alpha in [
        (ops.SELU(), 1.0507009873554805, 1.6732632423543772),
        *[(ops.ELU(alpha), 1.0, alpha) for alpha in (1.0, 0.3, 1.7, 5.0)],
    ]:
        outputs, slopes = chosen_by_sign(x, scale, alpha)
        np.testing.assert_array_equal(op.forward(x), outputs)
        np.testing.assert_array_equal(op.backward(1), slopes)


def mish_and_slope(number):
    """x * tanh(softplus(x)) and its derivative, to 60 digits."""
    with decimal.localcontext() as context:
        context.prec, context.Emin, context.Emax = 60, -(10**9), 10**9
        x = decimal.Decimal(float(number))
        e = min(x, decimal.Decimal(1000)).exp()
        n = e * (e + 2)  # (1 + e) ** 2 - 1, before anything cancels
        t = n / (n + 2)
        return x * t, t + x * (1 - t * t) * e / (1 + e)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mish_is_exact_to_a_few_units_in_the_last_place(dtype):
    random, info = np.random.default_rng(0), np.finfo(dtype)
    bound = -np.log(float(info.max)) + 10  # below, exp(x) loses digits, which no number of this size needs
    drawn = [random.uniform(bound, 50, 1000), random.normal(0, 3, 1000), np.linspace(-1.2, -1.18, 50)]
    size = 10.0 ** np.arange(-30, 38)
    x = np.concatenate([*drawn, size, -size, [0.0, info.max, -info.max]]).astype(dtype)
    op = ops.Mish()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        outputs, slopes = op.forward(x), op.backward(1)
    expected = [mish_and_slope(number) for number in x]
    for row, (number, (value, slope)) in enumerate(zip(x, expected, strict=True)):
        tiny = decimal.Decimal(float(info.smallest_normal))
        eps = decimal.Decimal(float(info.eps))
        assert abs(decimal.Decimal(float(outputs[row])) - value) <= 4 * eps * abs(value) + tiny, number
        terms = max(abs(slope), abs(value)) if abs(number) < 2 else abs(slope)  # where two terms cancel
        assert abs(decimal.Decimal(float(slopes[row])) - slope) <= 4 * eps * terms + tiny * 200, number


def test_slope_at_the_bounds_of_relu_and_hard_sigmoid():
    relu = ops.ReLU(max_value=6)
    relu.forward(np.array([6.0, 7.0, 5.0]))
    np.testing.assert_array_equal(relu.backward(1), [0, 0, 1])
    hard = ops.HardSigmoid()
    hard.forward(np.array([-3.0, 3.0, 0.0]))
    np.testing.assert_allclose(hard.backward(1), [0, 0, 1 / 6])


@pytest.mark.parametrize(
    ("op", "places"),
    [
        (ops.HardTanh(), [-1.0, 1.0]),
        (ops.ReLU6(), [0.0, 6.0]),
        (ops.HardShrink(), [-0.5, 0.5, 0.0]),
        (ops.SoftShrink(), [-0.5, 0.5, 0.0]),
        (ops.SparsePlus(), [-1.0]),
    ],
    ids=repr,
)
def test_slope_is_zero_where_a_flat_piece_ends(op, places):
    op.forward(np.array(places))
    np.testing.assert_array_equal(op.backward(1), 0)


def test_squareplus_keeps_its_digits_far_below_zero():
    op = ops.Squareplus()
    np.testing.assert_allclose(op.forward(np.float32([-1e4, -1e8])), [1e-4, 1e-8], rtol=1e-6)
    np.testing.assert_allclose(op.backward(1), [1e-8, 1e-16], rtol=1e-6)


def test_power_where_no_or_a_zero_slope_exists():
    power = ops.Power()
    np.testing.assert_array_equal(power.forward([-2.0, 0.0, 0.0, -2.0], [2.0, 0.0, 3.0, 3.0]), [4, 1, 0, -8])
    by_base, by_exponent = power.backward(1)
    np.testing.assert_array_equal(by_base, [-4, 0, 0, 12])
    np.testing.assert_array_equal(by_exponent, [np.nan, 0, 0, np.nan])


BOUNDED = [
    name
    for name, op in Op.members().items()
    if issubclass(op, ops.ActivationFunction) and name not in ("Exp", "Recorded", "Threshold")
]


@pytest.mark.parametrize("size", [50.0, 1000.0, 1e15])
@pytest.mark.parametrize("name", BOUNDED)
def test_activations_are_finite_for_large_inputs(name, size):
    for dtype in (np.float32, np.float64):
        op = Op.get(name)
        assert np.isfinite(op.forward(np.array([[-size, size, 0.5]], dtype))).all()
        assert np.isfinite(op.backward(1)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDED)
def test_activations_in_place_are_the_same_functions(name, dtype):
    op, eps = Op.get(name), np.finfo(dtype).eps
    x = np.concatenate([np.linspace(-60, 60, 481), [-1e30, 1e30]]).astype(dtype).reshape(-1, 1).repeat(3, axis=1)
    x[:, 1] *= dtype(0.01)
    expected, given = op(x.copy()), x.copy()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        found = op.in_place(given)(given)
    assert np.shares_memory(found, given)
    np.testing.assert_allclose(found, expected, rtol=8 * eps, atol=eps)


def test_python_numbers_and_whole_numbers_are_inputs():
    multiply = ops.Multiply()
    assert multiply.forward(np.float32([1, 2]), 2).dtype == np.float32
    assert multiply.forward([1, 2], [3, 4]).dtype == np.float64
    assert multiply.forward(np.float32([1, 2]), np.array([3, 4])).dtype == np.float32
    assert [result.tolist() for result in multiply.backward(1)] == [[3, 4], [1, 2]]


def test_sub_is_subtract():
    assert ops.Sub is ops.Subtract
    assert type(Op.get("sub")) is ops.Subtract
    assert type(Op.get("swish")) is ops.SiLU
    assert type(Op.get("exponential")) is ops.Exp


def test_calling_keeps_nothing():
    add = ops.Add()
    add(np.ones(2), np.ones(2))
    with pytest.raises(NotReadyError, match=r"Add\(\).*forward"):
        add.backward(1)
    with pytest.raises(NotReadyError, match=r"Add\(\).*forward"):
        add.jvp(1, 1)


def test_wrong_shapes_name_the_op_and_what_is_expected():
    add = ops.Add()
    add.forward(np.ones((2, 3)), np.ones(3))
    for wrong in (np.ones(3), np.ones((3, 2)), np.ones((2, 3, 1))):
        with pytest.raises(ShapeError, match=r"Add\(\).*2, 3"):
            add.backward(wrong)
    for wanted in ([True], [True, False, True]):
        with pytest.raises(ShapeError, match=r"Add\(\).*2 values of wanted"):
            add.backward(1, wanted)
    with pytest.raises(ShapeError, match=r"Add\(\).*2 tangents.*got 1"):
        add.jvp(np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"Add\(\).*tangent 1.*3"):
        add.jvp(np.ones((2, 3)), np.ones(2))


def test_indices_have_no_tangent():
    gather = ops.Gather()
    gather.forward(np.ones((3, 2)), [0, 1])
    with pytest.raises(ShapeError, match=r"input 1.*None"):
        gather.jvp(np.ones((3, 2)), np.ones(2))


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([0, 4], "index 4.*0 to 3"),
        ([-1, 0], "index -1.*0 to 3"),
        ([0, 1.5], "integers.*1.5"),
        ([0, np.nan], "integers.*nan"),
        ([0, np.inf], "integers.*inf"),
    ],
    ids=str,
)
def test_gather_refuses_bad_indices(indices, message):
    with pytest.raises(DataError, match=message):
        ops.Gather().forward(np.ones((4, 2)), indices)


def test_gather_keeps_large_indices_exact_beside_float32():
    rows = 2**24 + 2
    table = np.broadcast_to(np.float32(0), (rows, 1))  # no memory: every row is the same number
    (by_table, _) = ops.Gather().linearize(table, np.array([rows - 1]))[1].maps
    assert by_table.indices.tolist() == [rows - 1]
    gather = ops.Gather()
    gather.forward(table, np.array([rows - 1]))
    assert gather.jacobians.maps[0].indices.tolist() == [rows - 1]


@pytest.mark.parametrize(
    "op",
    [ops.Sum(2), ops.Mean((0, 2)), ops.Max(-3), ops.Softmax(2), ops.Softmax(3), ops.LogSoftmax(-3), ops.Gather(2)],
    ids=repr,
)
def test_an_axis_that_is_not_there_is_an_error(op):
    inputs = (np.ones((2, 3)), [0]) if isinstance(op, ops.Gather) else (np.ones((2, 3)),)
    with pytest.raises(ShapeError, match=r"no axis -?[23].*2 axes"):
        op.forward(*inputs)


@pytest.mark.parametrize("axes", [(0, 2), (0, 0), (0,), (0, 1, 2)], ids=str)
def test_transpose_refuses_axes_that_are_no_permutation(axes):
    with pytest.raises(ShapeError, match="axes"):
        ops.Transpose(axes).forward(np.ones((2, 3)))


def test_reductions_refuse_an_axis_named_twice():
    with pytest.raises(ShapeError, match="twice"):
        ops.Sum((0, -2)).forward(np.ones((2, 3)))


def test_wrong_arguments_name_the_op():
    with pytest.raises(ConfigError, match="ReLU"):
        ops.ReLU(negative_slope=-1)
    with pytest.raises(ConfigError, match=r"Softmax\.axis"):
        ops.Softmax("last")
