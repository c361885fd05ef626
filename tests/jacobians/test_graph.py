"""Jacobians of graphs of ops against complex steps: fan-out, tied parameters, per example, mixed rows."""

from typing import NamedTuple

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, complex_step, contract, push, relative_error

from nnlite import ops
from nnlite.check import check_op
from nnlite.jacobians import Diagonal, GraphJacobians, Identity, Jacobians, Node, Partial
from nnlite.ops import Op, Trace

normal = stream(41)


class Graph(NamedTuple):
    """A function of data and parameters, made of ops, the shapes of them, and whether it mixes rows of the data."""

    name: str
    function: object
    shapes: tuple
    mixes: bool = False

    def __str__(self):
        return self.name

    def traced(self):
        """The function's plain arrays, the traced output and its Jacobians."""
        arrays, trace = [normal(*shape) for shape in self.shapes], Trace()
        output = self.function(*[trace.variable(array) for array in arrays])
        return arrays, output.value, trace.jacobians(output)


def hidden_of_parameters(x, w, b):
    return x @ (ops.softmax(w) * ops.exp(b)) + ops.sum(b)


def deep_tie(x, w):
    hidden = x
    for _ in range(3):
        hidden = ops.sin(hidden @ w) + x
    return hidden


ROWS, PAIR = (3, 4), (4, 2)
GRAPHS = [
    Graph(
        "fan-out of the data", lambda x, w: ops.tanh(x @ w) * (x @ w) + ops.sum(x, axis=1, keepdims=True), (ROWS, PAIR)
    ),
    Graph("kernel used twice, once transposed", lambda x, w: ops.tanh(x @ w) @ ops.transpose(w), (ROWS, PAIR)),
    Graph("recurrence", deep_tie, (ROWS, (4, 4))),
    Graph("values of parameters alone", hidden_of_parameters, (ROWS, PAIR, (2,))),
    Graph("square of a parameter", lambda x, b: x * (b * b), (ROWS, (4,))),
    Graph("parameter that is not used", lambda x, w, b: x @ w, (ROWS, PAIR, (5,))),
    Graph("data that are not used", lambda x, b: ops.broadcast_to(ops.exp(b), (3, 4)), (ROWS, (4,))),
    Graph("parameter added to itself", lambda x, w: w + w, ((2, 4), (2, 4))),
    Graph("nothing at all", lambda x: x, (ROWS,)),
    Graph("the parameter itself", lambda x, w: w, (ROWS, PAIR)),
    Graph("stretched parameter", lambda x, b: x + ops.broadcast_to(b, x.shape) * x, (ROWS, (4,))),
    Graph("one row for each example", lambda x, rows: x * rows + rows[:1], (ROWS, ROWS)),
    Graph("sequence", lambda x, w: ops.softmax(x @ w @ ops.swapaxes(x, 1, 2)) @ x, ((2, 3, 4), (4, 4))),
    Graph("pieces", lambda x, b: ops.concatenate([x[:, 1:], x[:, :1] * b], axis=-1), (ROWS, (1,))),
    Graph("batch of one", lambda x, w, b: ops.exp(x @ w + b) @ ops.transpose(w), ((1, 4), PAIR, (2,))),
    Graph("centered over the batch", lambda x, w: (x - ops.mean(x, axis=0)) @ w * ops.sum(w), (ROWS, PAIR), True),
    Graph("attention between rows", lambda x, w: ops.softmax(x @ ops.transpose(x)) @ (x @ w), (ROWS, PAIR), True),
    Graph("turned", lambda x, w: ops.transpose(ops.transpose(x) * w), (ROWS, (3,)), True),
    Graph("reversed", lambda x, w: x[::-1] @ w, (ROWS, PAIR), True),
    Graph("kernel made of data", lambda x, w: w @ x, (ROWS, (2, 3)), True),
]
graphs = pytest.mark.parametrize("graph", GRAPHS, ids=str)
seeded = pytest.mark.parametrize("seeds", [(), (2,), (2, 3)], ids=str)


class Recorded(Op, abstract=True):
    """A graph as an op: what is checked are the Jacobians of the record."""

    graph: Graph

    def linearize(self, *arrays):
        trace = Trace()
        output = self.graph.function(*[trace.variable(array) for array in arrays])
        return output.value, trace.jacobians(output)


@graphs
def test_graph(graph):
    report = check_op(Recorded(graph), *[normal(*shape) for shape in graph.shapes])
    assert {row.verdict for row in report.rows} == {"ok"}, report
    derivatives = {f"input {index}, stencil" for index in range(len(graph.shapes))}
    checks = {"todense", "wanted products", "called", *["written into"] * (len(graph.shapes) > 1)}
    assert checks | derivatives <= {row.check for row in report.rows}


@graphs
def test_each_input_has_its_map(graph):
    arrays, output, jacobians = graph.traced()
    assert jacobians.mixes_rows == graph.mixes
    cotangent = normal(*output.shape)
    for index, array in enumerate(arrays):
        part = jacobians[index]
        assert (part.out_shape, part.in_shape) == (output.shape, array.shape)
        expected, out = jacobians.vjp(cotangent)[index], np.full(part.in_shape, np.nan)
        part.vjp_into(cotangent, out)
        assert relative_error(out, expected) <= EXACT
        assert relative_error(part.jvp(normal(*part.in_shape) * 0), np.zeros(output.shape)) == 0
        if index:
            assert relative_error(part.per_example(cotangent), jacobians.per_example(cotangent)[index]) <= EXACT


def test_tied_weight_gets_the_sum_of_both_paths():
    x, w = normal(3, 4), normal(4, 4)
    trace = Trace()
    first, kernel = trace.variable(x), trace.variable(w)
    both = trace.jacobians(ops.tanh(first @ kernel) @ kernel).vjp(np.ones((3, 4)))[1]
    apart = Trace()
    data, one, other = (apart.variable(array) for array in (x, w, w))
    by_one, by_other = apart.jacobians(ops.tanh(data @ one) @ other).vjp(np.ones((3, 4)))[1:]
    assert relative_error(both, by_one + by_other) <= EXACT
    assert np.abs(by_one).max() > 0.1 < np.abs(by_other).max()


class _Unused(Identity):
    """A map that nobody may ask."""

    __slots__ = ()

    def vjp(self, cotangent):
        raise AssertionError("a product that nobody wanted")

    jvp = vjp


def test_paths_that_nobody_wants_are_spared():
    nodes = [
        Node(Jacobians(_Unused((2, 3))), (0,), (2,)),
        Node(Jacobians(Diagonal(np.full((), 2.0), (3,), (2, 3))), (1,), (3,)),
        Node(Jacobians(Identity((2, 3)), Identity((2, 3))), (2, 3), (4,)),
        Node(Jacobians(_Unused((2, 3))), (4,), (5,)),
    ]
    jacobians = GraphJacobians(nodes, [(2, 3), (3,)], [(4, (2, 3))])
    by_data, by_parameter = jacobians.vjp(np.ones((2, 3)), (False, True))
    assert by_data is None
    np.testing.assert_array_equal(by_parameter, [4, 4, 4])
    np.testing.assert_array_equal(jacobians.per_example(np.ones((2, 3)))[1], np.full((2, 3), 2.0))


class TestSeveralOutputs:
    def traced(self):
        arrays, trace = [normal(3, 4), normal(4, 2)], Trace()
        x, w = (trace.variable(array) for array in arrays)
        hidden = ops.tanh(x @ w)
        return arrays, trace.jacobians(hidden, hidden * 2 + ops.sum(x, axis=1, keepdims=True), x)

    @staticmethod
    def outputs(x, w):
        hidden = np.tanh(x @ w)
        return hidden, hidden * 2 + x.sum(axis=1, keepdims=True), x

    @seeded
    def test_cotangents_are_tuples_and_none_is_zero(self, seeds):
        arrays, jacobians = self.traced()
        shapes = [(3, 2), (3, 2), (3, 4)]
        dense = [
            [complex_step(lambda *a, k=k: self.outputs(*a)[k], arrays, index) for index in range(2)] for k in range(3)
        ]
        parts = tuple(normal(*seeds, *shape) for shape in shapes)
        for given in (parts, (None, *parts[1:]), (parts[0], None, None)):
            for index, result in enumerate(jacobians.vjp(given)):
                expected = sum(contract(p, dense[k][index], shapes[k]) for k, p in enumerate(given) if p is not None)
                assert relative_error(result, expected) <= EXACT
        tangents = [normal(*seeds, *array.shape) for array in arrays]
        for k, result in enumerate(jacobians.jvp(*tangents)):
            expected = sum(push(dense[k][i], tangents[i], arrays[i].shape) for i in range(2))
            assert relative_error(result, expected) <= EXACT
        assert jacobians.jvp(None, tangents[1])[2] is None

    def test_per_example(self):
        _, jacobians = self.traced()
        parts = (normal(3, 2), None, normal(3, 4))
        found = jacobians.per_example(parts)
        assert found[0] is None
        for row in range(3):
            alone = tuple(p if p is None else np.where(np.arange(3)[:, None] == row, p, 0) for p in parts)
            assert relative_error(found[1][row], jacobians.vjp(alone)[1]) <= EXACT


def test_indices_have_no_derivative():
    trace = Trace()
    indices, table = trace.variable(np.array([2, 0, 2])), trace.variable(normal(4, 2))
    jacobians = trace.jacobians(ops.take(table, indices, axis=0) * 2)
    assert jacobians[0] is None
    by_indices, by_table = jacobians.vjp(np.ones((3, 2)))
    assert by_indices is None
    np.testing.assert_array_equal(by_table, [[2, 2], [0, 0], [4, 4], [0, 0]])
    assert jacobians.per_example(np.ones((3, 2)))[1].shape == (3, 4, 2)


def test_stored_arrays_and_parts():
    arrays, _, jacobians = GRAPHS[1].traced()
    assert {id(array) for array in arrays} <= {id(array) for array in jacobians.stored()}
    assert [label for label, _ in jacobians.parts()] == ["MatMul()", "Tanh()", "Transpose()", "MatMul()"]
    assert repr(jacobians) == "GraphJacobians(MatMul(), Tanh(), Transpose(), MatMul())"
    assert isinstance(jacobians[1], Partial)
    assert jacobians[1].nbytes >= sum(array.nbytes for array in arrays)


def test_float32_stays_float32():
    for graph in GRAPHS:
        trace = Trace()
        arrays = [normal(*shape).astype(np.float32) for shape in graph.shapes]
        output = graph.function(*[trace.variable(array) for array in arrays])
        assert output.dtype == np.float32, graph
        jacobians, upstream = trace.jacobians(output), np.ones(output.shape, np.float32)
        results = (*jacobians.vjp(upstream), *jacobians.per_example(upstream)[1:], jacobians.jvp(*arrays))
        assert {result.dtype for result in results} == {np.dtype(np.float32)}, graph
