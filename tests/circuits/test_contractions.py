"""Products of factors that are summed out as they are made, against the product laid out."""

import itertools
import tracemalloc

import numpy as np
import pytest

from nnlite.circuits.sweeping.contractions import Contraction

CARDS = (2, 3, 4, 2, 3)
ROWS = 5
CASES = [
    ([(1,)], (1,), (1,)),
    ([(1,)], (1,), ()),
    ([(0, 2)], (2, 0), (2, 0)),
    ([(2, 0)], (2, 0), (0,)),
    ([(1,), (1, 0)], (0, 1), (0,)),
    ([(3,), (0, 3), (2, 1, 3)], (3, 0, 1, 2), (0, 1, 2)),
    ([(3,), (0, 3), (3, 2, 4), (0, 1, 2, 3)], (3, 0, 1, 2, 4), (0, 1, 2, 4)),
    ([(3,), (0, 3), (2, 1, 3)], (3, 0, 1, 2), (3, 0, 1, 2)),
    ([(), (), (1,)], (1,), (1,)),
]


def laid_out(axes, array, whole):
    """An array with an axis for each of `whole`, rows last."""
    order = np.argsort([whole.index(axis) for axis in axes])
    moved = array.transpose(*order, len(axes))
    return moved.reshape([CARDS[axis] if axis in axes else 1 for axis in whole] + [ROWS])


@pytest.mark.parametrize("factors, whole, result", CASES)
def test_products_and_their_derivatives(factors, whole, result):
    generator = np.random.default_rng(0)
    arrays = [generator.random([CARDS[axis] for axis in axes] + [ROWS]) for axes in factors]
    sides = [laid_out(axes, array, whole) for axes, array in zip(factors, arrays, strict=True)]
    full = np.broadcast_to(np.ones(ROWS), [CARDS[axis] for axis in whole] + [ROWS])
    for side in sides:
        full = full * side
    gone = tuple(place for place, axis in enumerate(whole) if axis not in result)
    contraction = Contraction(factors, whole, result, CARDS)
    product = contraction.product(arrays)
    np.testing.assert_allclose(product.value, full.sum(axis=gone), rtol=1e-14)
    np.testing.assert_allclose(contraction.completed(product), full, rtol=1e-14)
    assert contraction.fresh is not np.shares_memory(product.value, arrays[0])

    top = generator.random(product.value.shape)
    spread = np.expand_dims(top, gone)
    wanted = [True] * len(factors)
    slopes = dict(contraction.slopes_of(product, top, wanted))
    for place, axes in enumerate(factors):
        others = np.broadcast_to(spread, full.shape)
        for other in sides[:place] + sides[place + 1 :]:
            others = others * other
        lacking = tuple(number for number, axis in enumerate(whole) if axis not in axes)
        there = [axis for axis in whole if axis in axes]
        moved = others.sum(axis=lacking).transpose(*(there.index(axis) for axis in axes), len(axes))
        np.testing.assert_allclose(slopes[place], moved, rtol=1e-13)


def test_only_what_is_wanted_is_computed():
    factors, whole = [(3,), (0, 3), (2, 1, 3)], (3, 0, 1, 2)
    contraction = Contraction(factors, whole, (0, 1, 2), CARDS)
    product = contraction.product([np.ones([CARDS[axis] for axis in axes] + [ROWS]) for axes in factors])
    for wanted in itertools.product([False, True], repeat=3):
        places = [place for place, _ in contraction.slopes_of(product, np.ones(product.value.shape), wanted)]
        assert sorted(places) == [place for place in range(3) if wanted[place]]


def test_the_whole_product_is_never_there():
    cards, factors = (8,) * 5, [(0, 1, 4), (2, 3, 4)]
    contraction = Contraction(factors, (4, 0, 1, 2, 3), (0, 1, 2, 3), cards)
    arrays = [np.ones((8, 8, 8, 40)) for _ in factors]
    tracemalloc.start()
    product = contraction.product(arrays)
    list(contraction.slopes_of(product, np.ones(product.value.shape), [True, True]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 8**4 * 40 * 8  # the product summed out, its derivative, and no array 8 times as large
