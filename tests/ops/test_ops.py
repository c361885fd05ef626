"""Every op: its output against plain NumPy, its Jacobians against numerical ones, and the contract of `Op`."""

from typing import NamedTuple

import numpy as np
import pytest
from draws import stream
from numeric import apart
from plain import erf, logistic, mish, selu, softmax
from registered import registered

from nnlite import ops
from nnlite.check import check_op
from nnlite.ops import Op
from nnlite.registry import register_function

generator = np.random.default_rng(11)


normal = stream(generator)


def positive(*shape):
    return generator.uniform(0.5, 2.0, shape)


def sparsemax(x):
    low, high = x.max(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(100):  # bisection for the threshold at which the sum is 1
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(x - low, 0)


@register_function
def registered_cube(x):
    return x * x * x + 1


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


class Case(NamedTuple):
    """An op, its inputs and the plain NumPy function that it is."""

    op: Op
    inputs: tuple
    plain: object

    def __str__(self):
        return f"{self.op!r}-{'-'.join('x'.join(map(str, np.shape(value))) or 'scalar' for value in self.inputs)}"


BROADCASTS = [
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((3, 1), (1, 4)),
    ((1, 3), (1, 3)),
    ((2, 1, 3), (4, 1)),
    ((3,), ()),
    ((), ()),
]
ARITHMETIC = [
    (ops.Add, np.add, normal, normal),
    (ops.Subtract, np.subtract, normal, normal),
    (ops.Multiply, np.multiply, normal, normal),
    (ops.Divide, np.divide, normal, positive),
    (ops.Power, np.power, positive, normal),
    (ops.Maximum, np.maximum, apart, lambda *shape: apart(*shape) + 0.03),
    (ops.Minimum, np.minimum, apart, lambda *shape: apart(*shape) + 0.03),
]
ELEMENTWISE = [
    (ops.Negative(), np.negative, apart),
    (ops.Exp(), np.exp, apart),
    (ops.Log(), np.log, positive),
    (ops.Sqrt(), np.sqrt, positive),
    (ops.Sin(), np.sin, apart),
    (ops.Cos(), np.cos, apart),
    (ops.Abs(), np.abs, apart),
    (ops.Square(), np.square, apart),
    (ops.Log1p(), np.log1p, positive),
    (ops.Expm1(), np.expm1, apart),
    (ops.Erf(), erf, apart),
    (ops.Clip(-0.3, 0.4), lambda x: np.clip(x, -0.3, 0.4), apart),
    (ops.Linear(), np.positive, apart),
    (ops.ReLU(), lambda x: np.maximum(x, 0), apart),
    (ops.ReLU(0.25, 0.5), lambda x: np.where(x > 0, np.minimum(x, 0.5), 0.25 * x), apart),
    (ops.ReLU(0.25, None, 0.5), lambda x: np.where(x > 0.5, x, 0.25 * (x - 0.5)), apart),
    (ops.ReLU(0.0, 0.5, 0.2), lambda x: np.where(x > 0.2, np.minimum(x, 0.5), 0), apart),
    (ops.ReLU(0.25, 0.1, 0.7), lambda x: np.where(x > 0.7, 0.1, 0.25 * (x - 0.7)), apart),
    (ops.LeakyReLU(), lambda x: np.where(x > 0, x, 0.2 * x), apart),
    (ops.LeakyReLU(1.5), lambda x: np.where(x > 0, x, 1.5 * x), apart),
    (ops.ELU(), lambda x: np.where(x > 0, x, np.exp(x) - 1), apart),
    (ops.ELU(0.3), lambda x: np.where(x > 0, x, 0.3 * (np.exp(x) - 1)), apart),
    (ops.SELU(), selu, apart),
    (ops.GELU(), gelu, apart),
    (ops.GELU(True), lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), apart),
    (ops.SiLU(), lambda x: x * logistic(x), apart),
    (ops.Mish(), mish, apart),
    (ops.CELU(), lambda x: np.where(x > 0, x, np.exp(x) - 1), apart),
    (ops.CELU(0.3), lambda x: np.where(x > 0, x, 0.3 * (np.exp(x / 0.3) - 1)), apart),
    (ops.LogSigmoid(), lambda x: np.log(logistic(x)), apart),
    (ops.HardTanh(), lambda x: np.clip(x, -1, 1), apart),
    (ops.ReLU6(), lambda x: np.clip(x, 0, 6), lambda *shape: 10 * apart(*shape)),
    (ops.HardSiLU(), lambda x: x * np.clip(x / 6 + 0.5, 0, 1), lambda *shape: 4 * apart(*shape)),
    (ops.HardShrink(), lambda x: np.where(np.abs(x) > 0.5, x, 0), apart),
    (ops.HardShrink(0.1), lambda x: np.where(np.abs(x) > 0.1, x, 0), apart),
    (ops.SoftShrink(), lambda x: np.maximum(x - 0.5, 0) + np.minimum(x + 0.5, 0), apart),
    (ops.SoftShrink(0.1), lambda x: np.maximum(x - 0.1, 0) + np.minimum(x + 0.1, 0), apart),
    (ops.SparsePlus(), lambda x: np.where(x > 1, x, np.maximum(x + 1, 0) ** 2 / 4), lambda *shape: 3 * apart(*shape)),
    (ops.Squareplus(), lambda x: (x + np.sqrt(x * x + 4)) / 2, apart),
    (ops.Squareplus(0.3), lambda x: (x + np.sqrt(x * x + 0.3)) / 2, apart),
    (ops.TanhShrink(), lambda x: x - np.tanh(x), apart),
    (ops.Sigmoid(), logistic, apart),
    (ops.Tanh(), np.tanh, apart),
    (ops.Softplus(), lambda x: np.log(1 + np.exp(x)), apart),
    (ops.Softsign(), lambda x: x / (1 + np.abs(x)), apart),
    (ops.HardSigmoid(), lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda *shape: 4 * apart(*shape)),
    (ops.SparseSigmoid(), lambda x: np.clip((x + 1) / 2, 0, 1), lambda *shape: 3 * apart(*shape)),
    (ops.Threshold(0.1, -3.0), lambda x: np.where(x > 0.1, x, -3.0), apart),
    (ops.Recorded(registered_cube), lambda x: x**3 + 1, apart),
    (ops.Sparsemax(), sparsemax, lambda *shape: 0.7 * apart(*shape) - 0.2),
    (ops.Softmax(), softmax, apart),
    (ops.LogSoftmax(), lambda x: np.log(softmax(x)), apart),
]
MATRIX_SHAPES = [
    ((3, 4), (4, 2)),
    ((1, 4), (4, 1)),
    ((4,), (4,)),
    ((4,), (4, 3)),
    ((3, 4), (4,)),
    ((4,), (2, 4, 3)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), (4, 2)),
    ((2, 3, 4), (2, 4, 2)),
    ((3, 4), (2, 4, 2)),
    ((2, 1, 3, 4), (3, 4, 2)),
    ((1, 3, 4), (2, 4, 2)),
]
REDUCTIONS = [
    ({}, (2, 3, 4)),
    ({"axis": 0}, (2, 3)),
    ({"axis": -1}, (1, 3)),
    ({"axis": 1, "keepdims": True}, (2, 3, 2)),
    ({"axis": (0, -1)}, (2, 3, 2)),
    ({"axis": (0, 2), "keepdims": True}, (2, 3, 2)),
    ({"keepdims": True}, (2, 3)),
    ({}, (3,)),
    ({}, ()),
]
CASES = [
    *[Case(op(), (left(*a), right(*b)), plain) for op, plain, left, right in ARITHMETIC for a, b in BROADCASTS],
    *[
        Case(op, (draw(*shape),), plain)
        for op, plain, draw in ELEMENTWISE
        for shape in [(2, 3), (1, 4), (2, 3, 2), (3,)]
    ],
    *[Case(ops.MatMul(), (normal(*a), normal(*b)), np.matmul) for a, b in MATRIX_SHAPES],
    *[
        Case(op(**options), (apart(*shape),), lambda x, plain=plain, options=options: plain(x, **options))
        for op, plain in ((ops.Sum, np.sum), (ops.Mean, np.mean), (ops.Max, np.max), (ops.Min, np.min))
        for options, shape in REDUCTIONS
    ],
    *[
        Case(op(axis), (normal(2, 3, 4),), lambda x, plain=plain, axis=axis: plain(x, axis))
        for op, plain in ((ops.Softmax, softmax), (ops.LogSoftmax, lambda x, axis: np.log(softmax(x, axis))))
        for axis in (0, 1, -2)
    ],
    *[
        Case(
            ops.Einsum(subscripts),
            tuple(normal(*shape) for shape in shapes),
            lambda *arrays, subscripts=subscripts: np.einsum(subscripts, *arrays),
        )
        for subscripts, *shapes in [
            ("bij,bjk->bik", (1, 3, 2), (1, 2, 3)),
            ("btf,fhd->bthd", (2, 3, 4), (4, 2, 2)),
            ("ij,jk", (2, 3), (3, 2)),
            ("ba,cb", (2, 3), (2, 2)),
            ("...ij,...jk->...ik", (2, 2, 3), (2, 3, 2)),
            ("i...,j...->...ij", (2, 3), (2, 3)),
            ("...i,i->...", (2, 2, 3), (3,)),
            ("ii->i", (3, 3)),
            ("iij,jk", (2, 2, 3), (3, 2)),
            ("ab,bc,cd->ad", (2, 3), (3, 2), (2, 2)),
            ("a,b,c->cab", (2,), (3,), (2,)),
            ("ab,ab->ba", (2, 3), (2, 3)),
            ("ab,cd->", (2, 2), (2, 1)),
        ]
    ],
    Case(ops.Reshape((3, -1)), (normal(2, 3, 2),), lambda x: x.reshape(3, 4)),
    Case(ops.Reshape((6,)), (normal(1, 6),), np.ravel),
    Case(ops.Reshape(()), (normal(1, 1),), lambda x: x[0, 0]),
    Case(ops.Transpose(), (normal(2, 3, 4),), np.transpose),
    Case(ops.Transpose((0, 2, 1)), (normal(1, 3, 4),), lambda x: x.swapaxes(1, 2)),
    Case(ops.Transpose((-1, 0, 1)), (normal(2, 3, 4),), lambda x: np.moveaxis(x, -1, 0)),
    *[
        Case(ops.BroadcastTo(shape), (normal(*own),), lambda x, shape=shape: np.broadcast_to(x, shape))
        for own, shape in [((3, 1), (3, 2)), ((1, 3), (1, 3)), ((3,), (2, 1, 3)), ((), (2, 2)), ((1, 1), (4, 3, 2))]
    ],
    *[
        Case(ops.Slice(index), (normal(*shape),), lambda x, index=index: x[index])
        for index, shape in [
            (0, (1, 3)),
            ((slice(None), -1), (2, 3)),
            (slice(None, None, -2), (5, 2)),
            ((..., None, slice(1, 3)), (2, 2, 4)),
            ((1, ..., slice(-1, 0, -1)), (2, 3, 2)),
            ((None, slice(0, 0)), (2, 3)),
            (..., (2, 3)),
        ]
    ],
    *[
        Case(ops.Where(), (chosen, apart(*a), normal(*b)), np.where)
        for chosen, a, b in [
            (np.array([[True, False, True]]), (2, 3), (3,)),
            (np.array([[1], [0]]), (2, 3), (1, 3)),
            (np.array([[False]]), (1, 3), ()),
        ]
    ],
    Case(ops.Concatenate(), (normal(2, 3), normal(2, 1), normal(2, 2)), lambda *arrays: np.concatenate(arrays, -1)),
    Case(ops.Concatenate(0), (normal(1, 3), normal(2, 3)), lambda *arrays: np.concatenate(arrays)),
    Case(ops.Concatenate(-2), (normal(2, 1, 3), normal(2, 2, 3)), lambda *arrays: np.concatenate(arrays, 1)),
    Case(ops.Concatenate(), (normal(2, 3),), lambda x: x),
    Case(ops.Gather(), (normal(4, 3), np.array([2, 0, 2, 3, 2])), lambda x, i: x[i.astype(int)]),
    Case(ops.Gather(), (normal(1, 3), np.array([[0, 0], [0, 0]])), lambda x, i: x[i.astype(int)]),
    Case(ops.Gather(-1), (normal(2, 4), np.array([[1, 1], [3, 0]])), lambda x, i: x[:, i.astype(int)]),
    Case(ops.Gather(1), (normal(2, 4, 2), np.array([0, 3, 0])), lambda x, i: x[:, i.astype(int)]),
    Case(ops.Gather(), (normal(4), np.array(2)), lambda x, i: x[2]),
]
cases = pytest.mark.parametrize("case", CASES, ids=str)


def differentiable(case):
    """The inputs that have a derivative: all but the indices of Gather."""
    return [index for index, value in enumerate(case.inputs) if np.asarray(value).dtype.kind == "f"]


def tupled(result):
    return result if isinstance(result, tuple) else (result,)


def test_every_op_has_a_row_and_a_row_of_batch_one():
    members = set(registered(Op))
    assert {type(case.op).__name__ for case in CASES} == members
    assert {type(case.op).__name__ for case in CASES if np.shape(case.inputs[0])[:1] == (1,)} == members


@cases
def test_output_is_that_of_plain_numpy(case):
    expected = case.plain(*case.inputs)
    for output in (case.op(*case.inputs), case.op.forward(*case.inputs)):
        assert np.shape(output) == np.shape(expected)
        np.testing.assert_allclose(output, expected, rtol=1e-14, atol=1e-15)


@cases
def test_op(case):
    report = check_op(case.op, *case.inputs)
    assert {row.verdict for row in report.rows} == {"ok"}, report
    checks = {"linearize", "jvp = vjp'", "leading axes", "wanted products", "todense", "arrays left alone", "called"}
    derivatives = {f"input {index}, {how}" for index in differentiable(case) for how in ("complex step", "stencil")}
    assert checks | derivatives <= {row.check for row in report.rows}


@cases
def test_a_scalar_starts_the_chain(case):
    output = case.op.forward(*case.inputs)
    for start in (1, 2.5):
        expected = tupled(case.op.backward(np.full(output.shape, float(start))))
        for result, wanted in zip(tupled(case.op.backward(start)), expected, strict=True):
            assert wanted is None or np.array_equal(result, wanted)


@cases
def test_jvp_takes_none_for_zero(case):
    output = case.op.forward(*case.inputs)
    assert not np.any(case.op.jvp(*[None] * len(case.inputs)))
    assert np.shape(case.op.jvp(*[None] * len(case.inputs))) == output.shape
    first, *others = differentiable(case)
    one = [np.ones(np.shape(x)) if i == first else None for i, x in enumerate(case.inputs)]
    zeros = [0 if i in others else tangent for i, tangent in enumerate(one)]
    np.testing.assert_array_equal(case.op.jvp(*one), case.op.jvp(*zeros))


@cases
def test_float32_stays_float32(case):
    inputs = [
        x.astype(np.float32) if i in differentiable(case) else x for i, x in enumerate(map(np.asarray, case.inputs))
    ]
    output = case.op.forward(*inputs)
    assert output.dtype == np.float32
    for jacobian in (1, 0.5, np.ones(output.shape, np.float32), np.ones((2, *output.shape), np.float32)):
        for result in tupled(case.op.backward(jacobian)):
            assert result is None or result.dtype == np.float32
    tangents = [np.ones_like(x) if i in differentiable(case) else None for i, x in enumerate(inputs)]
    assert case.op.jvp(*tangents).dtype == np.float32
    np.testing.assert_allclose(output, case.plain(*case.inputs), rtol=1e-4, atol=1e-5)


@cases
def test_config_round_trip(case):
    twin = Op.get(case.op.to_spec())
    assert type(twin) is type(case.op)
    assert twin.get_config() == case.op.get_config()
    np.testing.assert_array_equal(twin(*case.inputs), case.op(*case.inputs))
