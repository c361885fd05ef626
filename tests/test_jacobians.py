"""Every structured Jacobian against the dense one of the function that it is the derivative of."""

from typing import NamedTuple

import numpy as np
import pytest
from numeric import EXACT, complex_step, contract, push, relative_error

from nnlite import jacobians
from nnlite.jacobians import (
    Broadcast,
    Composed,
    Contraction,
    Diagonal,
    GatherRows,
    Identity,
    Jacobian,
    KernelOfRows,
    LogSoftmaxJacobian,
    MatMulLeft,
    MatMulRight,
    Rearrange,
    Recast,
    RowsTimesKernel,
    Segment,
    SoftmaxJacobian,
    Standardize,
    Summed,
    SumOver,
)

generator = np.random.default_rng(5)


def normal(*shape):
    return generator.normal(size=shape)


def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis, keepdims=True)


def standardized(x, axes):
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + 0.1)


class Case(NamedTuple):
    """A map, the point where it was taken and the function whose derivative it is; `shared` is a parameter's map."""

    map: Jacobian
    function: object
    point: np.ndarray
    shared: bool = False

    def __str__(self):
        return repr(self.map)

    @property
    def dense(self):
        return complex_step(self.function, [self.point])


def matmul_left(other, *shape):
    point = normal(*shape)
    out, full = (point @ other).shape, point[None] if len(shape) == 1 else point
    column = other[:, None] if other.ndim == 1 else other
    return Case(MatMulLeft(column, shape, out, full.shape, (full @ column).shape), lambda x: x @ other, point)


def matmul_right(other, *shape, shared=False):
    point = normal(*shape)
    out, full = (other @ point).shape, point[:, None] if len(shape) == 1 else point
    row = other[None] if other.ndim == 1 else other
    return Case(MatMulRight(row, shape, out, full.shape, (row @ full).shape), lambda x: other @ x, point, shared)


def broadcast(in_shape, out_shape, shared=True):
    return Case(Broadcast(in_shape, out_shape), lambda x: np.broadcast_to(x, out_shape), normal(*in_shape), shared)


def diagonal(slopes, in_shape, out_shape, shared=False):
    return Case(
        Diagonal(slopes, in_shape, out_shape),
        lambda x: np.broadcast_to(x, out_shape) * slopes,
        normal(*in_shape),
        shared,
    )


def along_axis(cls, function, shape, axis):
    point = normal(*shape)
    return Case(cls(softmax(point, axis), axis), lambda x: function(x, axis), point)


def standardize(shape, axes):
    point = normal(*shape)
    deviation = np.sqrt(point.var(axis=axes, keepdims=True) + 0.1)
    return Case(Standardize(standardized(point, axes), 1 / deviation, axes), lambda x: standardized(x, axes), point)


def sum_over(axes, shape, scale=1, keepdims=False):
    point = normal(*shape)
    out = point.sum(axis=axes, keepdims=keepdims).shape
    return Case(SumOver(axes, shape, out, scale), lambda x: x.sum(axis=axes, keepdims=keepdims) * scale, point)


def contraction(shape, rank):
    gradients = normal(*shape)
    axes = tuple(range(-rank, 0))
    return Case(Contraction(gradients, rank), lambda x: (x * gradients).sum(axis=axes), normal(*shape))


def kernel_of_rows(*shape):
    rows = normal(*shape)
    return Case(
        KernelOfRows(rows, (shape[-1], 2), (*shape[:-1], 2)), lambda kernel: rows @ kernel, normal(shape[-1], 2), True
    )


def gather(indices, axis, shape, shared=False):
    indices, point = np.array(indices), normal(*shape)
    out = np.take(point, indices, axis).shape
    return Case(GatherRows(indices, axis, shape, out), lambda x: np.take(x, indices, axis), point, shared)


def segment(axis, start, shape, total):
    point = normal(*shape)
    place = [slice(None)] * len(shape)
    place[axis] = slice(start, start + shape[axis])
    out = list(shape)
    out[axis] = total

    def embed(x):
        result = np.zeros(out, x.dtype)
        result[tuple(place)] = x
        return result

    return Case(Segment(axis, start, start + shape[axis], shape, tuple(out)), embed, point)


ROWS, SLOPES, OTHER = normal(3, 4), normal(3, 2), normal(3, 2)
CASES = [
    Case(Identity((2, 3)), lambda x: x, normal(2, 3)),
    Case(Recast((2, 3), np.float64, np.float64), lambda x: x, normal(2, 3)),
    *[
        broadcast(*shapes)
        for shapes in [
            ((3,), (2, 3)),
            ((3,), (4, 2, 3)),
            ((1, 3), (4, 2, 3)),
            ((), (2, 3)),
            ((2, 1), (4, 2, 3)),
            ((3,), (1, 3)),
            ((1,), (2, 1)),
        ]
    ],
    broadcast((2, 1), (2, 3), shared=False),
    diagonal(normal(2, 3), (2, 3), (2, 3)),
    diagonal(normal(3), (2, 3), (2, 3)),
    diagonal(normal(3) > 0, (2, 3), (2, 3)),
    diagonal(normal(4, 2, 3), (3,), (4, 2, 3), shared=True),
    diagonal(normal(4, 2, 3), (2, 1), (4, 2, 3), shared=True),
    diagonal(normal(3), (2, 1), (2, 3)),
    matmul_left(normal(4, 2), 3, 4),
    matmul_left(normal(4), 4),
    matmul_left(normal(4), 2, 3, 4),
    matmul_left(normal(2, 4, 3), 4),
    matmul_left(normal(2, 4, 3), 3, 4),
    matmul_left(normal(2, 4, 3), 1, 3, 4),
    matmul_right(normal(3, 4), 4, 2, shared=True),
    matmul_right(normal(4), 4),
    matmul_right(normal(3, 4), 4),
    matmul_right(normal(2, 3, 4), 4, shared=True),
    matmul_right(normal(4), 2, 4, 3),
    matmul_right(normal(2, 3, 4), 4, 2, shared=True),
    matmul_right(normal(2, 3, 4), 1, 4, 2, shared=True),
    *[
        Case(RowsTimesKernel(OTHER, shape, (*shape[:-1], 2)), lambda x: x @ OTHER, normal(*shape))
        for shape in [(4, 3), (2, 4, 3), (1, 3)]
    ],
    *[kernel_of_rows(*shape) for shape in [(3, 4), (2, 3, 4), (2, 1, 3, 4), (1, 4)]],
    *[along_axis(SoftmaxJacobian, softmax, (2, 3, 4), axis) for axis in (-1, -2, -3)],
    *[
        along_axis(LogSoftmaxJacobian, lambda x, axis: np.log(softmax(x, axis)), (2, 3, 4), axis)
        for axis in (-1, -2, -3)
    ],
    standardize((4, 3), (-2,)),
    standardize((2, 3, 4), (-3, -2)),
    standardize((2, 3), (-1,)),
    sum_over((-1,), (2, 3)),
    sum_over((-3, -1), (2, 3, 2), 0.25),
    sum_over((-2,), (2, 3), 0.5, keepdims=True),
    sum_over((-2, -1), (2, 3)),
    contraction((2, 3), 1),
    contraction((2, 3, 2), 1),
    contraction((2, 3), 2),
    contraction((4, 2, 3), 2),
    Case(Rearrange((2, 6), (3, 4)), lambda x: x.reshape(3, 4), normal(2, 6)),
    Case(Rearrange((2, 3, 4), (4, 2, 3), (2, 0, 1)), lambda x: x.transpose(2, 0, 1), normal(2, 3, 4)),
    Case(Rearrange((2, 3, 4), (4, 6), (2, 0, 1)), lambda x: x.transpose(2, 0, 1).reshape(4, 6), normal(2, 3, 4)),
    segment(-1, 1, (2, 3), 6),
    segment(-2, 2, (2, 3), 4),
    gather([2, 0, 2], -2, (4, 3), shared=True),
    gather([[2, 0], [2, 2], [1, 0]], -2, (4, 3), shared=True),
    gather([1, 1, 0], -1, (2, 4)),
    gather([[0, 3], [1, 3]], -2, (2, 4, 3)),
    Case(
        Composed(Diagonal(SLOPES, (3, 2), (3, 2)), KernelOfRows(ROWS, (4, 2), (3, 2))),
        lambda w: SLOPES * (ROWS @ w),
        normal(4, 2),
        True,
    ),
    Case(
        Composed(SoftmaxJacobian(softmax(OTHER)), Broadcast((2,), (3, 2))),
        lambda b: softmax(OTHER) * (b - (softmax(OTHER) * b).sum(-1, keepdims=True)),
        normal(2),
        True,
    ),
    Case(Summed(Diagonal(SLOPES, (3, 2), (3, 2)), Identity((3, 2))), lambda x: SLOPES * x + x, normal(3, 2)),
    Case(Summed(Broadcast((2,), (3, 2)), Diagonal(SLOPES, (2,), (3, 2))), lambda x: x + SLOPES * x, normal(2), True),
]
cases = pytest.mark.parametrize("case", CASES, ids=str)
seeded = pytest.mark.parametrize("seeds", [(), (2,), (2, 3)], ids=str)


def subclasses(cls):
    return {cls} | {below for child in cls.__subclasses__() for below in subclasses(child)}


def test_every_map_has_a_row_and_a_public_name():
    own = {cls for cls in subclasses(Jacobian) - {Jacobian} if cls.__module__.startswith("nnlite.")}
    concrete = {cls.__name__ for cls in own if not cls.__name__.startswith("_")}
    assert {type(case.map).__name__ for case in CASES} == concrete
    assert concrete <= set(vars(jacobians))


def test_every_parameter_map_of_the_list_is_tested_per_example():
    shared = {type(case.map) for case in CASES if case.shared}
    assert shared >= {KernelOfRows, Broadcast, Diagonal, GatherRows, MatMulRight, Composed, Summed}


@cases
def test_todense_equals_complex_step(case):
    dense = case.map.todense()
    assert dense.shape == case.map.shape == (*case.map.out_shape, *case.map.in_shape)
    assert relative_error(dense, case.dense) <= EXACT


@cases
@seeded
def test_vjp_and_jvp_equal_the_dense_products(case, seeds):
    cotangent, tangent = normal(*seeds, *case.map.out_shape), normal(*seeds, *case.map.in_shape)
    expected = contract(cotangent, case.dense, case.map.out_shape)
    assert relative_error(case.map.vjp(cotangent), expected) <= EXACT
    assert relative_error(case.map.jvp(tangent), push(case.dense, tangent, case.map.in_shape)) <= EXACT
    out = np.full(expected.shape, np.nan)
    case.map.vjp_into(cotangent, out)
    assert relative_error(out, expected) <= EXACT


@cases
def test_products_leave_their_arguments_alone(case):
    cotangent, tangent = normal(*case.map.out_shape), normal(*case.map.in_shape)
    cotangent.flags.writeable = tangent.flags.writeable = False
    for array in case.map.stored():
        array.flags.writeable = False
    case.map.vjp(cotangent), case.map.jvp(tangent), case.map.vjp_into(cotangent, np.empty(case.map.in_shape))


@pytest.mark.parametrize("case", [case for case in CASES if case.shared], ids=str)
def test_per_example_is_vjp_of_one_row_at_a_time(case):
    cotangent = normal(*case.map.out_shape)
    found = case.map.per_example(cotangent)
    assert relative_error(found.sum(0), case.map.vjp(cotangent)) <= EXACT
    for row in range(len(cotangent)):
        alone = np.zeros_like(cotangent)
        alone[row] = cotangent[row]
        assert relative_error(found[row], case.map.vjp(alone)) <= EXACT


@cases
def test_dtype_and_repr(case):
    assert case.map.dtype == np.float64
    assert case.map.todense().dtype == np.float64
    shapes = f"out_shape={case.map.out_shape}, in_shape={case.map.in_shape}"
    assert repr(case.map) == f"{type(case.map).__name__}({shapes})"


def test_float32_entries_give_float32():
    slopes = np.ones((2, 3), np.float32)
    assert Diagonal(slopes, (2, 3), (2, 3)).dtype == np.float32
    composed = Composed(Diagonal(slopes, (2, 3), (2, 3)), KernelOfRows(slopes[:, :2], (2, 3), (2, 3)))
    assert composed.dtype == composed.todense().dtype == np.float32
    recast = Recast((2,), np.float32, np.float64)
    assert recast.vjp(np.ones(2)).dtype == np.float32
    assert recast.jvp(np.ones(2, np.float32)).dtype == np.float64
    assert recast.vjp(np.ones(2, complex)).dtype == complex


BIG = np.ones((100, 40))
SMALL = [
    (Identity((100, 40)), 0),
    (Broadcast((40,), (100, 40)), 0),
    (Rearrange((100, 40), (4000,)), 0),
    (SumOver((-1,), (100, 40), (100,)), 0),
    (Segment(-1, 0, 40, (100, 40), (100, 50)), 0),
    (Diagonal(BIG, (100, 40), (100, 40)), BIG.nbytes),
    (KernelOfRows(BIG, (40, 30), (100, 30)), BIG.nbytes),
    (RowsTimesKernel(BIG[:40], (100, 40), (100, 40)), BIG[:40].nbytes),
    (SoftmaxJacobian(BIG), BIG.nbytes),
    (Composed(Diagonal(BIG, (100, 40), (100, 40)), Diagonal(BIG, (100, 40), (100, 40))), BIG.nbytes),
    (GatherRows(np.zeros(100, int), -2, (50, 40), (100, 40)), 800),
]


@pytest.mark.parametrize(("part", "size"), SMALL, ids=lambda value: repr(value))
def test_storage_is_what_the_structure_needs(part, size):
    assert part.nbytes == size
    assert part.nbytes * 100 < 8 * np.prod(part.shape, dtype=float)
