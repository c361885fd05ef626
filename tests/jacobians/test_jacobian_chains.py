"""Jacobians of layers and of chains of layers, against the maps they are made of."""

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, contract, push, relative_error
from plain import softmax

from nnlite.jacobians import (
    Broadcast,
    ChainJacobians,
    Diagonal,
    Identity,
    Jacobians,
    KernelOfRows,
    Rearrange,
    RowsTimesKernel,
    SoftmaxJacobian,
)

seeded = pytest.mark.parametrize("seeds", [(), (2,), (2, 3)], ids=str)


normal = stream(6)


OTHER = normal(3, 2)


def layer_jacobians(outer=None):
    """Those of `inputs @ kernel + bias`, with a second input of the layer that has no derivative."""
    rows, kernel = normal(3, 4), normal(4, 2)
    maps = RowsTimesKernel(kernel, (3, 4), (3, 2)), KernelOfRows(rows, (4, 2), (3, 2)), None, Broadcast((2,), (3, 2))
    return Jacobians(*maps, outer=outer, state=("new",))


@pytest.mark.parametrize("outer", [None, Diagonal(normal(3, 2), (3, 2), (3, 2)), SoftmaxJacobian(softmax(OTHER))])
class TestJacobians:
    def test_vjp_equals_each_map(self, outer):
        found = layer_jacobians(outer)
        for seeds in [(), (2,)]:
            cotangent = normal(*seeds, 3, 2)
            results = found.vjp(cotangent)
            assert len(results) == len(found) == 4
            for index in (0, 1, 3):
                expected = contract(cotangent, found[index].todense(), (3, 2))
                assert relative_error(results[index], expected) <= EXACT
            assert results[2] is None
            assert found[2] is None

    def test_jvp_sums_over_the_inputs(self, outer):
        found = layer_jacobians(outer)
        tangents = [normal(3, 4), normal(4, 2), None, normal(2)]
        expected = sum(push(found[i].todense(), tangents[i], tangents[i].shape) for i in (0, 1, 3))
        assert relative_error(found.jvp(*tangents), expected) <= EXACT
        alone = push(found[1].todense(), tangents[1], (4, 2))
        assert relative_error(found.jvp(None, tangents[1], None, None), alone) <= EXACT
        assert found.jvp(None, None, None, None) is None

    def test_wanted_and_into(self, outer):
        found, cotangent = layer_jacobians(outer), normal(3, 2)
        full = found.vjp(cotangent)
        into = (None, np.full((4, 2), np.nan), None, np.full(2, np.nan))
        results = found.vjp(cotangent, (False, True, True, True), into)
        assert results[0] is results[2] is None
        assert results[1] is into[1]
        assert results[3] is into[3]
        for index in (1, 3):
            assert relative_error(into[index], full[index]) <= EXACT
        (none, kernel, _, bias) = found.vjp(cotangent, (False, True, False, False))
        assert none is bias is None
        np.testing.assert_array_equal(kernel, full[1])

    def test_per_example_leaves_out_the_data(self, outer):
        found, cotangent = layer_jacobians(outer), normal(3, 2)
        results, full = found.per_example(cotangent), found.vjp(cotangent)
        assert results[0] is results[2] is None
        for index in (1, 3):
            assert relative_error(results[index].sum(0), full[index]) <= EXACT
            assert relative_error(results[index], found[index].per_example(cotangent)) <= EXACT
        assert found.per_example(cotangent, (True, False, True, True))[1] is None

    def test_repr_and_state(self, outer):
        found = layer_jacobians(outer)
        assert repr(found).startswith("Jacobians(") and "None" in repr(found)
        assert found.state == ("new",)


class _Forbidden(Identity):
    """A map that nobody may ask."""

    __slots__ = ()

    def vjp(self, cotangent):
        raise AssertionError("a product that nobody wanted")


def stages(first=RowsTimesKernel):
    """Dense 4-3, softmax, dense 3-2, as a chain; the input and four parameters."""
    rows, kernel, hidden, last = normal(5, 4), normal(4, 3), softmax(normal(5, 3)), normal(3, 2)
    by_inputs = RowsTimesKernel(kernel, (5, 4), (5, 3)) if first else None
    dense = Jacobians(by_inputs, KernelOfRows(rows, (4, 3), (5, 3)), Broadcast((3,), (5, 3)), state=(1,))
    final = (RowsTimesKernel(last, (5, 3), (5, 2)), KernelOfRows(hidden, (3, 2), (5, 2)), Broadcast((2,), (5, 2)))
    outer = Diagonal(normal(5, 2), (5, 2), (5, 2))
    return [dense, Jacobians(SoftmaxJacobian(hidden)), Jacobians(*final, outer=outer, state=(2,))]


def composed_by_hand(parts):
    """The dense Jacobians of the input and of each parameter, by dense products."""
    dense, softmax_part, final = parts
    last = np.tensordot(final[0].todense(), softmax_part[0].todense(), 2)
    return [
        *[None if part is None else np.tensordot(last, part.todense(), 2) for part in (dense[0], dense[1], dense[2])],
        final[1].todense(),
        final[2].todense(),
    ]


SHAPES = [(5, 4), (4, 3), (3,), (3, 2), (2,)]


def nested(parts):
    return ChainJacobians([ChainJacobians(parts[:2]), parts[2]])


@pytest.mark.parametrize("chain", [ChainJacobians, nested])
class TestChainJacobians:
    @seeded
    def test_vjp_jvp_and_index_equal_stage_by_stage(self, chain, seeds):
        parts = stages()
        whole, expected = chain(parts), composed_by_hand(parts)
        cotangent = normal(*seeds, 5, 2)
        results = whole.vjp(cotangent)
        assert len(results) == len(whole) == 5
        for index, dense in enumerate(expected):
            assert relative_error(results[index], contract(cotangent, dense, (5, 2))) <= EXACT
            assert relative_error(whole[index].todense(), dense) <= EXACT
        tangents = [normal(*seeds, *shape) for shape in SHAPES]
        total = sum(push(dense, t, shape) for dense, t, shape in zip(expected, tangents, SHAPES, strict=True))
        assert relative_error(whole.jvp(*tangents), total) <= EXACT
        only_last = whole.jvp(None, None, None, None, tangents[4])
        assert relative_error(only_last, push(expected[4], tangents[4], (2,))) <= EXACT
        with pytest.raises(IndexError, match="5 inputs"):
            whole[5]

    def test_wanted_and_into(self, chain):
        parts = stages()
        whole, cotangent = chain(parts), normal(5, 2)
        full = whole.vjp(cotangent)
        into = (None, *[np.full(shape, np.nan) for shape in SHAPES[1:]])
        results = whole.vjp(cotangent, (False, True, True, True, True), into)
        assert results[0] is None
        for index in range(1, 5):
            assert results[index] is into[index]
            assert relative_error(into[index], full[index]) <= EXACT
        for chosen in range(5):
            found = whole.vjp(cotangent, [index == chosen for index in range(5)])
            assert [result is not None for result in found] == [index == chosen for index in range(5)]
            np.testing.assert_array_equal(found[chosen], full[chosen])

    def test_stops_where_nothing_earlier_is_wanted(self, chain):
        parts = stages()
        whole = chain([Jacobians(_Forbidden((5, 3))), Jacobians(_Forbidden((5, 3))), parts[2]])
        results = whole.vjp(normal(5, 2), (False, True, True))
        assert results[0] is None
        assert results[1].shape == (3, 2)

    def test_per_example_sums_to_vjp(self, chain):
        parts = stages()
        whole, cotangent = chain(parts), normal(5, 2)
        found, full = whole.per_example(cotangent), whole.vjp(cotangent)
        assert found[0] is None
        for index in range(1, 5):
            assert relative_error(found[index].sum(0), full[index]) <= EXACT
            assert relative_error(found[index], whole[index].per_example(cotangent)) <= EXACT
        some = whole.per_example(cotangent, (True, False, True, False, True))
        assert [result is not None for result in some] == [False, False, True, False, True]

    def test_indices_at_the_start_have_no_derivative(self, chain):
        parts = stages(first=None)
        whole, cotangent = chain(parts), normal(5, 2)
        assert whole[0] is None
        results = whole.vjp(cotangent)
        assert results[0] is None
        assert relative_error(results[1], contract(cotangent, composed_by_hand(parts)[1], (5, 2))) <= EXACT
        assert whole.jvp(None, *[normal(*shape) for shape in SHAPES[1:]]).shape == (5, 2)

    def test_layers_before_indices_have_none_either(self, chain):
        parts = stages(first=None)
        before = Jacobians(Rearrange((20,), (5, 4)), Broadcast((4,), (5, 4)))
        whole = chain([before, parts[0], ChainJacobians(parts[1:])])
        results = whole.vjp(normal(5, 2))
        assert [result is None for result in results] == [True, True, False, False, False, False]
        assert whole[0] is whole[1] is None
        assert whole.per_example(normal(5, 2))[1] is None

    def test_state_and_repr(self, chain):
        whole = chain(stages())
        assert whole.state in (((1,), (), (2,)), (((1,), ()), (2,)))
        assert repr(whole).count("Jacobians(") >= 3
