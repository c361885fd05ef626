"""The ops as functions: plain on arrays, recorded on traced values; operators, NumPy's own functions, refusals."""

import operator
from typing import NamedTuple

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, complex_step, relative_error
from plain import erf, logistic, mish, selu, softmax

from nnlite import ops
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.ops import Trace, Traced, functions
from nnlite.ops.tape import Tape
from nnlite.parameters import Parameter

generator = np.random.default_rng(43)


normal = stream(generator)


def positive(*shape):
    return generator.uniform(0.5, 2.0, shape)


class Case(NamedTuple):
    """A function of arrays made of ops, the same in plain NumPy, and the shapes of the arrays."""

    name: str
    function: object
    plain: object
    shapes: tuple
    draw: object = normal

    def __str__(self):
        return f"{self.name}-{'-'.join('x'.join(map(str, shape)) for shape in self.shapes)}"


def same(name, *shapes, draw=normal, **options):
    """A function that NumPy has under the same name, with the same arguments."""
    own, plain = getattr(ops, name), getattr(np, name)
    return Case(name, lambda *x: own(*x, **options), lambda *x: plain(*x, **options), shapes, draw)


def sparsemax(x):
    """The point of the simplex that is nearest to each row."""
    ordered = -np.sort(-x, axis=-1)
    totals = ordered.cumsum(-1) - 1
    count = (ordered * np.arange(1, x.shape[-1] + 1) > totals).sum(-1, keepdims=True)
    return np.maximum(x - np.take_along_axis(totals, count - 1, -1) / count, 0)


def activation(name, plain, **options):
    return Case(name, lambda x: getattr(ops, name)(x, **options), plain, ((2, 3),))


CHOSEN = np.array([[True, False, True], [False, False, True]])
CASES = [
    *[same(name, (2, 3), (3,)) for name in ("add", "subtract", "multiply", "maximum", "minimum")],
    same("divide", (2, 3), (2, 1), draw=positive),
    same("power", (2, 3), (3,), draw=positive),
    *[same(name, (2, 3)) for name in ("abs", "cos", "exp", "expm1", "negative", "sin", "square", "tanh")],
    *[same(name, (2, 3), draw=positive) for name in ("log", "log1p", "sqrt")],
    same("matmul", (2, 3), (3, 4)),
    same("matmul", (2, 2, 3), (2, 3, 4)),
    *[same(name, (2, 3, 2), axis=1) for name in ("sum", "mean", "max", "min", "var", "std")],
    *[same(name, (2, 3, 2)) for name in ("sum", "mean", "max", "min", "var", "std")],
    *[same(name, (2, 3, 2), axis=(0, -1), keepdims=True) for name in ("sum", "mean", "max", "min", "var", "std")],
    same("clip", (2, 3)),
    same("broadcast_to", (3, 1), shape=(2, 3, 2)),
    same("reshape", (2, 3), shape=(3, -1)),
    same("transpose", (2, 3, 4)),
    same("transpose", (2, 3, 4), axes=(0, 2, 1)),
    same("swapaxes", (2, 3, 4), axis1=0, axis2=-1),
    same("expand_dims", (2, 3), axis=1),
    same("expand_dims", (2, 3), axis=-1),
    same("squeeze", (2, 1, 3, 1)),
    same("squeeze", (2, 1, 3, 1), axis=1),
    same("take", (4, 3), indices=[2, 0, 2], axis=0),
    same("take", (2, 4), indices=[[1, 1], [3, 0]], axis=-1),
    same("take", (2, 4), indices=[7, 0, 7]),
    Case("concatenate", lambda *x: ops.concatenate(x), lambda *x: np.concatenate(x), ((2, 3), (1, 3))),
    Case("concatenate", lambda *x: ops.concatenate(x, axis=-1), lambda *x: np.concatenate(x, -1), ((2, 3), (2, 1))),
    Case("stack", lambda *x: ops.stack(x), lambda *x: np.stack(x), ((2, 3), (2, 3))),
    Case("stack", lambda *x: ops.stack(x, axis=-1), lambda *x: np.stack(x, -1), ((2, 3), (2, 3))),
    Case("split", lambda x: ops.split(x, 2)[1] * ops.split(x, 2)[0], lambda x: x[2:] * x[:2], ((4, 3),)),
    Case("split", lambda x: ops.split(x, [1, 4], axis=-1)[1], lambda x: x[:, 1:4], ((2, 5),)),
    Case("split", lambda x: ops.split(x, [1, 4], axis=-1)[2], lambda x: x[:, 4:], ((2, 5),)),
    Case("getitem", lambda x: ops.getitem(x, (0, slice(None, None, -1))), lambda x: x[0, ::-1], ((2, 3),)),
    Case("einsum", lambda a, b: ops.einsum("bij,jk->bik", a, b), lambda a, b: a @ b, ((2, 3, 4), (4, 2))),
    Case("where", lambda a, b: ops.where(CHOSEN, a, b), lambda a, b: np.where(CHOSEN, a, b), ((2, 3), (3,))),
    Case("where", lambda a: ops.where(a > 0, a * a, 0.5), lambda a: np.where(a > 0, a * a, 0.5), ((2, 3),)),
    Case("logsumexp", ops.logsumexp, lambda x: np.log(np.exp(x).sum()), ((2, 3),)),
    Case(
        "logsumexp",
        lambda x: ops.logsumexp(x, axis=-1, keepdims=True),
        lambda x: np.log(np.exp(x).sum(-1, keepdims=True)),
        ((2, 3),),
    ),
    Case("stop_gradient", lambda x: ops.stop_gradient(x * 0) + x, lambda x: x, ((2, 3),)),
    activation("elu", lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1)), alpha=0.5),
    activation("erf", erf),
    activation("gelu", lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))), approximate=False),
    activation("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    activation("leaky_relu", lambda x: np.where(x > 0, x, 0.1 * x), negative_slope=0.1),
    activation("log_softmax", lambda x: np.log(softmax(x))),
    activation("log_softmax", lambda x: np.log(softmax(x, 0)), axis=0),
    activation("mish", mish),
    activation("celu", lambda x: np.where(x > 0, x, 0.5 * (np.exp(x / 0.5) - 1)), alpha=0.5),
    activation("log_sigmoid", lambda x: np.log(logistic(x))),
    activation("hard_tanh", lambda x: np.clip(x, -1, 1)),
    activation("relu6", lambda x: np.clip(x, 0, 6)),
    activation("hard_silu", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    activation("hard_shrink", lambda x: np.where(np.abs(x) > 0.2, x, 0), threshold=0.2),
    activation("soft_shrink", lambda x: np.maximum(x - 0.2, 0) + np.minimum(x + 0.2, 0), threshold=0.2),
    activation("sparse_plus", lambda x: np.where(x > 1, x, np.maximum(x + 1, 0) ** 2 / 4)),
    activation("squareplus", lambda x: (x + np.sqrt(x * x + 0.3)) / 2, b=0.3),
    activation("tanh_shrink", lambda x: x - np.tanh(x)),
    activation("relu", lambda x: np.clip(x, 0, 1.5), max_value=1.5),
    activation("selu", selu),
    activation("sigmoid", logistic),
    activation("silu", lambda x: x * logistic(x)),
    activation("softmax", softmax),
    activation("softplus", lambda x: np.log(1 + np.exp(x))),
    activation("softsign", lambda x: x / (1 + np.abs(x))),
    activation("linear", lambda x: x),
    activation("sparse_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1)),
    activation("threshold", lambda x: np.where(x > 0.1, x, -3.0), threshold=0.1, default_value=-3.0),
    activation("sparsemax", sparsemax),
]
CASES = [case for case in CASES if case.name != "clip"] + [
    Case("clip", lambda x: ops.clip(x, -0.5, 0.7), lambda x: np.clip(x, -0.5, 0.7), ((2, 3),))
]

OPERATORS = [
    ("a + b", lambda a, b: a + b, normal),
    ("1 + b + a", lambda a, b: 1 + b + a, normal),
    ("a - b", lambda a, b: a - b, normal),
    ("2 - a * b", lambda a, b: 2 - a * b, normal),
    ("a * b", lambda a, b: a * b, normal),
    ("3 * a - b", lambda a, b: 3 * a - b, normal),
    ("a / b", lambda a, b: a / b, positive),
    ("2 / a + b", lambda a, b: 2 / a + b, positive),
    ("a ** b", lambda a, b: a**b, positive),
    ("a ** 2 * b", lambda a, b: a**2 * b, normal),
    ("2 ** a - b", lambda a, b: 2**a - b, normal),
    ("-a + b", lambda a, b: -a + b, normal),
    ("abs(a) * b", lambda a, b: np.sign(a.real) * a * b if isinstance(a, np.ndarray) else abs(a) * b, normal),
    ("a @ b.T", lambda a, b: a @ b.T, normal),
    ("array @ a", lambda a, b: np.arange(4.0).reshape(2, 2) @ a + b, normal),
    ("array * a", lambda a, b: np.arange(3.0) * a + b, normal),
    ("list + a", lambda a, b: [1.0, 2.0, 3.0] + a * b, normal),
    ("np.float64 * a", lambda a, b: np.float64(2) * a - b, normal),
    ("slices", lambda a, b: a[:, 1:] * b[0, 1:] + a[..., -1:] + b[:, None, 0], normal),
    ("unpacking", lambda a, b: sum(row * row for row in a) + len(b), normal),
    ("methods", lambda a, b: a.reshape(3, 2).sum(axis=0) + b.reshape((6,)).mean() + a.sum(-1), normal),
    ("np.exp", lambda a, b: np.exp(a) * np.tanh(b), normal),
    (
        "np.sum",
        lambda a, b: np.sum(a, axis=1) + np.mean(b, axis=-1) - np.max(b.real if b is None else a * 0 + 1),
        normal,
    ),
    ("np.concatenate", lambda a, b: np.concatenate([a, b]), normal),
    ("np.stack", lambda a, b: np.stack([a, b], axis=1), normal),
    ("np.where", lambda a, b: np.where(CHOSEN, a, b * b), normal),
    ("np.reshape", lambda a, b: np.transpose(np.reshape(a, (3, 2))) * b, normal),
    ("np.multiply", lambda a, b: np.multiply(np.array([1.0, 2.0, 3.0]), a) + np.square(b), normal),
]


def traced(function, arrays):
    trace = Trace()
    output = function(*[trace.variable(array) for array in arrays])
    return output, trace


def test_every_function_has_a_row():
    assert {case.name for case in CASES} == set(functions.__all__)
    assert set(functions.__all__) <= set(vars(ops))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_function_is_plain_on_arrays_and_recorded_on_traced_values(case):
    arrays = [case.draw(*shape) for shape in case.shapes]
    expected = case.plain(*arrays)
    output, trace = traced(case.function, arrays)
    found = case.function(*arrays)
    assert not isinstance(found, Traced)
    assert isinstance(output, Traced)
    for value in (found, output.value):
        assert value.shape == np.shape(expected)
        np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-14)
    jacobians = trace.jacobians(output)
    for index in range(len(arrays)):
        assert relative_error(jacobians[index].todense(), complex_step(case.function, arrays, index)) <= EXACT


@pytest.mark.parametrize("case", CASES, ids=str)
def test_function_keeps_float32(case):
    arrays = [case.draw(*shape).astype(np.float32) for shape in case.shapes]
    assert case.function(*arrays).dtype == traced(case.function, arrays)[0].dtype == np.float32


@pytest.mark.parametrize(
    ("name", "function", "draw"), OPERATORS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_operators_and_functions_of_numpy_are_recorded(name, function, draw):
    arrays = [draw(2, 3), draw(2, 3)]
    output, trace = traced(function, arrays)
    assert isinstance(output, Traced)
    np.testing.assert_allclose(output.value, function(*arrays), rtol=1e-14)
    jacobians = trace.jacobians(output)
    for index in range(2):
        assert relative_error(jacobians[index].todense(), complex_step(function, arrays, index)) <= EXACT


def test_np_concatenate_and_take_mean_what_they_mean_in_numpy():
    a, b = normal(2, 3), normal(2, 3)
    output, _ = traced(lambda a, b: np.concatenate([a, b]), [a, b])
    assert output.shape == (4, 3)
    np.testing.assert_array_equal(traced(lambda a: np.take(a, [5, 0]), [a])[0].value, [a[1, 2], a[0, 0]])
    np.testing.assert_array_equal(traced(lambda a: np.take(a, [-1, 0], 1), [a])[0].value, a[:, [-1, 0]])
    assert np.array_equal(traced(lambda a: np.abs(a), [a])[0].value, np.abs(a))


@pytest.mark.parametrize("function", [lambda a: np.resize(a, (2, 2)), np.fft.fft, np.fft.rfft])
def test_functions_of_numpy_that_ops_has_under_the_same_name_for_something_else_are_refused(function):
    with pytest.raises(ConfigError, match="has no derivative in nnlite"):
        traced(function, [normal(2, 3, 3)])


@pytest.mark.parametrize("function", [lambda a: np.resize(a, (2, 2)), np.fft.fft, np.fft.rfft])
def test_on_a_tape_they_are_those_of_numpy(function):
    values = normal(2, 3, 3)
    np.testing.assert_array_equal(function(Tape().leaf(Parameter("weight", values))), function(values))


COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda compare: compare.__name__)
def test_comparisons_give_plain_arrays_of_the_real_part(compare):
    value, other = np.array([[1.0, 2.0, 3.0]]), np.array([2.0, 2.0, 2.0])
    expected = compare(value, other)
    for array in (value, value + 1e-20j):
        own = Trace().variable(array)
        for found in (compare(own, other), compare(own, 2), compare(own, Trace().variable(other))):
            assert type(found) is np.ndarray
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(compare(other, own), compare(other, value))


def test_what_a_traced_value_shows():
    own = Trace().variable(np.zeros((2, 3), np.float32))
    assert (own.shape, own.ndim, own.size, len(own), own.dtype) == ((2, 3), 2, 6, 2, np.float32)
    assert repr(own) == "Traced(shape=(2, 3), dtype=float32)"
    assert not hasattr(own, "astype")
    with pytest.raises(TypeError, match="unhashable"):
        hash(own)


REFUSED = [
    ("if", lambda x: x if x > 0 else -x, ValueError, "truth value|ambiguous"),
    ("if of a sum", lambda x: x if x else -x, ConfigError, "as a condition.*where"),
    ("array", lambda x: np.asarray(x), ConfigError, "plain array.*stop_gradient"),
    ("float", lambda x: float(x), ConfigError, "plain array or number.*stop_gradient"),
    ("math", lambda x: __import__("math").exp(x), ConfigError, "plain array or number"),
    ("partition", lambda x: np.partition(x, 1), ConfigError, r"np\.partition has no derivative"),
    ("sign", lambda x: np.sign(x), ConfigError, r"np\.sign has no derivative.*did you mean 'sin'"),
    ("reduce", lambda x: np.add.reduce(x), ConfigError, r"np\.add\.reduce"),
    ("out", lambda x: np.add(x, x, out=np.zeros((2, 3))), ConfigError, r"np\.add"),
    ("method", lambda x: x.astype("float32"), ConfigError, "no 'astype'.*nnlite.ops"),
    ("True", lambda x: x[True], ConfigError, "index must be integers"),
    ("argument", lambda x: ops.mean(x, axes=1), TypeError, r"mean\(x, axis.*does not take"),
    ("twice", lambda x: ops.mean(x, 1, axis=1), TypeError, r"mean\(x, axis.*does not take"),
    ("too many", lambda x: ops.exp(x, x), TypeError, r"exp\(x\) does not take"),
    ("none", lambda x: ops.matmul(x), TypeError, r"matmul\(a, b\) does not take"),
    ("axis", lambda x: ops.sum(x, axis=2), ShapeError, "no axis 2.*2 axes"),
    ("index", lambda x: ops.take(x, [3], axis=0), DataError, "index 3.*0 to 1"),
]


@pytest.mark.parametrize(
    ("function", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_has_no_derivative_is_refused(function, error, message):
    with pytest.raises(error, match=message):
        function(Trace().variable(normal(2, 3)))


def test_a_value_of_another_trace_is_refused():
    stranger = Trace().variable(normal(2, 3))
    with pytest.raises(ShapeError, match="outside the call"):
        stranger + Trace().variable(normal(2, 3))
    with pytest.raises(ShapeError, match="outside the call"):
        Trace().jacobians(stranger)


def test_what_was_stopped_is_a_constant():
    x = normal(2, 3)
    output, trace = traced(lambda x: ops.stop_gradient(x) * x, [x])
    np.testing.assert_array_equal(trace.jacobians(output).vjp(np.ones((2, 3)))[0], x)


def test_ops_record_as_well_as_functions():
    x = normal(2, 3)
    output, trace = traced(lambda x: ops.Multiply()(ops.Exp()(x), x), [x])
    assert relative_error(trace.jacobians(output).vjp(np.ones((2, 3)))[0], np.exp(x) * (1 + x)) <= EXACT


def test_functions_say_what_they_take():
    import inspect

    assert str(inspect.signature(ops.mean)).startswith("(x, axis: ")
    assert ops.mean.__name__ == "mean"
    assert ops.mean.__doc__ == ops.Mean.__doc__
    assert ops.sum(np.ones((2, 3)), 1).tolist() == ops.sum(np.ones((2, 3)), axis=[1]).tolist() == [3, 3]


def test_remainders_of_recorded_values():
    trace = Trace()
    x = trace.variable(np.array([1.5, -2.25, 4.0]))
    for made, plain in ((x % 0.7, x.value % 0.7), (5.0 % x, 5.0 % x.value)):
        assert isinstance(made, Traced) and made.value == pytest.approx(plain, abs=1e-15)
    for made, plain in ((x // 0.7, x.value // 0.7), (5.0 // x, 5.0 // x.value)):
        assert isinstance(made, np.ndarray) and made.tolist() == plain.tolist()
    (gradient,) = trace.jacobians(x % 0.7 + 2 * x).vjp(np.ones(3))
    assert gradient.tolist() == [3.0, 3.0, 3.0]
