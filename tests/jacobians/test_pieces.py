"""Matrix products in pieces: the same numbers, whatever the factors look like, and whichever way is taken."""

import numpy as np
import pytest

from nnlite.arrays import contraction
from nnlite.arrays.contraction import MANY, multiply


@pytest.fixture
def taken(monkeypatch):
    """The products that were made in pieces, on any machine."""
    taken, whole = [], contraction._in_pieces

    def counted(left, right, out, rows):
        taken.append(rows)
        return whole(left, right, out, rows)

    monkeypatch.setattr(contraction, "PIECE", 10**6)
    monkeypatch.setattr(contraction, "several_threads", lambda: False)
    monkeypatch.setattr(contraction, "_in_pieces", counted)
    return taken


def factors(rows, inner, columns, dtype="float32"):
    generator = np.random.default_rng(0)
    return (generator.standard_normal(shape).astype(dtype) for shape in ((rows, inner), (inner, columns)))


@pytest.mark.parametrize("rows", [MANY, MANY + 1, 2 * MANY + 243])
@pytest.mark.parametrize("given", [True, False])
def test_products_of_many_rows_are_made_in_pieces_and_are_right(taken, rows, given):
    left, right = factors(rows, 64, 48)
    out = np.full((rows, 48), np.nan, np.float32) if given else None
    result = multiply(left, right, out)
    assert result is out if given else result.flags.c_contiguous
    np.testing.assert_allclose(result, left.astype(float) @ right.astype(float), rtol=0, atol=1e-4)
    assert taken == [10**6 // right.size // 4 * 4]


@pytest.mark.parametrize(
    "change",
    [
        lambda left, right: (left[: MANY - 1], right),
        lambda left, right: (left[:, :3], right[:3]),
        lambda left, right: (np.asfortranarray(left), right),
        lambda left, right: (left, np.asfortranarray(right)),
        lambda left, right: (left.astype(float), right),
        lambda left, right: (left, np.zeros((64, 10**5), np.float32)),
    ],
)
def test_what_gains_nothing_by_pieces_is_made_as_a_whole(taken, change):
    left, right = change(*factors(MANY, 64, 48))
    np.testing.assert_array_equal(multiply(left, right), np.dot(left, right))
    assert not taken


def test_what_several_threads_share_is_made_as_a_whole(taken, monkeypatch):
    monkeypatch.setattr(contraction, "several_threads", lambda: True)
    left, right = factors(MANY, 64, 48)
    np.testing.assert_array_equal(multiply(left, right), np.dot(left, right))
    assert not taken
