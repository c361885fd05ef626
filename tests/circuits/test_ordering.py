"""Elimination orders: counts that are kept up to date, the limit, and long chains."""

import numpy as np
import pytest
from bounds import within

from nnlite.circuits import WidthError, elimination_order
from nnlite.circuits.networks.ordering import _Walk


@pytest.mark.parametrize("seed", range(8))
def test_fill_counts_and_sizes_are_those_counted_anew(seed):
    generator = np.random.default_rng(seed)
    cards = generator.integers(2, 5, 14).tolist()
    scopes = [generator.choice(14, 3, replace=False).tolist() for _ in range(14)]
    walk, gone = _Walk(scopes, cards, (), "min_fill", range(14), np.inf), set()
    for own in generator.permutation(14).tolist():
        walk._eliminate(own)
        gone.add(own)
        for other in set(range(14)) - gone:
            assert walk.near[other].isdisjoint(gone)
            assert walk.fill[other] == walk._fill_of(other)
            assert walk.entries[other] == walk._entries_of(other)


def test_a_tree_has_width_one_and_a_grid_its_side():
    assert elimination_order([{0, k} for k in range(1, 9)], [3] * 9)[1:3] == (1, 9)
    side = 4
    edges = [{r * side + c, r * side + c + 1} for r in range(side) for c in range(side - 1)]
    edges += [{r * side + c, (r + 1) * side + c} for r in range(side - 1) for c in range(side)]
    assert elimination_order(edges, [2] * side**2).width == side


def test_variables_that_stay_come_last():
    order = elimination_order([{0, 1}, {1, 2}, {2, 3}], [2] * 4, last=[1, 3])
    assert set(order.columns[-2:]) == {1, 3}


def test_draws_are_repeated_by_their_seed():
    scopes = [{i, (i + 1) % 12, (i * 5) % 12} for i in range(12)]
    assert elimination_order(scopes, [2] * 12, seed=4) == elimination_order(scopes, [2] * 12, seed=4)


def test_the_limit_says_what_would_be_needed():
    with pytest.raises(WidthError) as error:
        elimination_order([set(range(12))], [4] * 12, max_entries=1000, names=[f"v{i}" for i in range(12)])
    assert (error.value.width, error.value.entries, error.value.nbytes) == (11, 4**12, 8 * 4**12)
    assert error.value.limit == 1000
    for part in ("16,777,216 entries", "128 MiB", "width 11", "1,000 entries", "'v"):
        assert part in str(error.value)


def test_a_hidden_markov_model_of_two_thousand_steps_is_ordered_at_once():
    steps = 2000
    scopes = [[t, t + 1] for t in range(steps - 1)] + [[t, steps + t] for t in range(steps)]
    order = within(lambda: elimination_order(scopes, [4] * (2 * steps)), 5)  # 0.4 s on an idle core
    assert order.width == 1
