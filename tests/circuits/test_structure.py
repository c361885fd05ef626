"""Networks to start from: trees against all trees, hidden trees, chains, naive Bayes."""

import itertools

import numpy as np
import pytest
from bayes_nets import clinic

from nnlite.circuits import (
    EM,
    BayesianNetwork,
    Circuit,
    NetworkError,
    chow_liu,
    hidden_chow_liu,
    hidden_markov_model,
    naive_bayes,
)


def all_trees(count):
    """The parents of every tree on a few nodes, the first one being the root."""
    for parents in itertools.product(range(count), repeat=count - 1):
        above = [None, *parents]
        if all(reaches_root(own, above) for own in range(1, count)):
            yield above


def reaches_root(own, above):
    seen = set()
    while own is not None and own not in seen:
        seen.add(own)
        own = above[own]
    return own is None


def test_no_tree_has_a_higher_likelihood():
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 2, (200, 4))
    rows[:, 2] = np.where(generator.random(200) < 0.8, rows[:, 0], rows[:, 2])
    rows[:, 1] = np.where(generator.random(200) < 0.7, rows[:, 3] ^ rows[:, 2], rows[:, 1])
    states = {f"x{i}": "01" for i in range(4)}
    best = -np.inf
    for above in all_trees(4):
        parents = {f"x{i}": [f"x{j}"] for i, j in enumerate(above) if j is not None}
        circuit = Circuit(BayesianNetwork(states, parents))
        circuit.fit(rows, EM(epochs=1))
        best = max(best, circuit.log_prob(rows).mean())
    tree = chow_liu(rows, states)
    assert tree.joint_log_prob(rows).mean() == pytest.approx(best, abs=1e-12)


def test_mutual_information_counts_rows_that_know_both():
    rows = np.array([[0, 0, 0], [1, 1, 1], [0, 0, -1], [1, 1, -1], [-1, 1, 0], [0, -1, 1]])
    tree = chow_liu(rows, {"a": "01", "b": "01", "c": "01"})
    assert tree.parents["b"] == ("a",)
    assert tree.cpts["b"].tolist() == [[1, 0], [0, 1]]
    smooth = chow_liu(rows, {"a": "01", "b": "01", "c": "01"}, pseudocount=4)
    assert smooth.cpts["b"][0] == pytest.approx([3 / 4, 1 / 4])  # (2 + 1) / (2 + 2)
    with pytest.raises(NetworkError, match="needs rows"):
        chow_liu(np.zeros((0, 1)), {"a": "01"})


def test_a_hidden_tree_fits_better_than_the_tree():
    network = clinic()
    rows = network.sample(800, 1)
    hidden = hidden_chow_liu(rows, network.states, 4, seed=2)
    assert hidden.observed == network.variables
    assert len(hidden.hidden) == 8
    moves = [hidden.cpts[own] for own in hidden.hidden if hidden.parents[own]]
    assert len(moves) == 7
    assert all((table.diagonal() > 0.9).all() for table in moves)  # it begins close to a mixture
    circuit = Circuit(hidden)
    assert circuit.plan.size(circuit.plan.largest.axes) == 16
    circuit.fit(rows, EM(epochs=60, pseudocount=0.01))
    assert circuit.log_prob(rows).mean() > chow_liu(rows, network.states).joint_log_prob(rows).mean()
    assert BayesianNetwork.get(hidden.to_spec()) == hidden


def test_a_chain_in_time_is_the_forward_algorithm():
    network = hidden_markov_model(6, 3, "abc", seed=0)
    circuit = Circuit(network)
    word = np.array([[0, 2, 1, 1, -1, 2]])
    state = network.cpts["z_x0"].copy()
    for t, letter in enumerate(word[0]):
        state = state @ network.cpts[f"z_x{t}"] if t else state
        state = state * (network.cpts[f"x{t}"][:, letter] if letter >= 0 else 1)
    assert circuit.log_prob(word)[0] == pytest.approx(np.log(state.sum()), abs=1e-12)
    assert circuit.marginals(word)["z_x5"][0] == pytest.approx(state / state.sum(), abs=1e-12)


def test_naive_bayes():
    network = naive_bayes({"a": "xy", "b": "xyz", "c": "xy"}, "b")
    assert network.parents == {"a": ("b",), "b": (), "c": ("b",)}
    with pytest.raises(NetworkError, match="no such variable"):
        naive_bayes({"a": "xy"}, "b")
