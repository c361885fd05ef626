"""Structures to start from: naive Bayes, Chow-Liu trees, trees of hidden variables, Markov chains."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.circuits.networks.evidence import read_evidence
from nnlite.circuits.networks.network import BayesianNetwork
from nnlite.circuits.networks.problems import NetworkError

__all__ = ["chow_liu", "hidden_chow_liu", "hidden_markov_model", "naive_bayes"]

States = Mapping[str, Sequence[str]]
STAY = 0.9  # chance that a hidden variable begins with the state of its parent


def naive_bayes(states: States, target: str) -> BayesianNetwork:
    """P(target) prod_i P(x_i | target), all states equally likely.

    Args:
        states: `{variable: names of its states}`, the target among them.
        target: the one parent of all others.

    >>> naive_bayes({"ill": ["yes", "no"], "cough": ["yes", "no"]}, "ill").parents
    {'ill': (), 'cough': ('ill',)}
    """
    network = BayesianNetwork(states)
    network.index(target)
    return BayesianNetwork(states, {variable: [target] for variable in states if variable != target})


def chow_liu(rows: Any, states: States, pseudocount: float = 0.0, sample_weight: Any = None) -> BayesianNetwork:
    """The tree of the highest likelihood: the maximum spanning tree of mutual information, with its tables.

    Args:
        rows: as for `Circuit.marginals`; a pair of variables is counted in the rows that know both.
        states: `{variable: names of its states}`, in the order of the rows' columns.
        pseudocount: added to each count of a pair, spread over its entries, and to those of a variable.
        sample_weight: one for each row.

    Reference: Chow & Liu 1968, "Approximating discrete probability distributions with dependence trees".

    >>> rows = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1], [1, 1, 1]])
    >>> chow_liu(rows, {"a": "01", "b": "01", "c": "01"}).parents["b"]
    ('a',)
    """
    network = BayesianNetwork(states)
    codes = read_evidence(network, rows).codes
    if not codes.shape[1]:
        raise NetworkError("a tree needs rows")
    weights = np.ones(codes.shape[1]) if sample_weight is None else np.asarray(sample_weight, np.float64)
    pairs = _pair_counts(codes, network.cards, weights)
    parents = spanning_tree(mutual_information(pairs, network.cards))
    names, starts = network.variables, np.concatenate([[0], np.cumsum(network.cards)])
    cpts = {}
    for variable, parent in enumerate(parents):
        span = slice(starts[variable], starts[variable + 1])
        if parent is None:
            counts = pairs[span, span].diagonal() + pseudocount / network.cards[variable]
        else:
            above = slice(starts[parent], starts[parent + 1])
            counts = pairs[above, span] + pseudocount / (network.cards[variable] * network.cards[parent])
        sums = counts.sum(axis=-1, keepdims=True)
        cpts[names[variable]] = np.where(sums > 0, counts, 1)
    return BayesianNetwork(states, _named(names, parents), cpts, "Chow-Liu tree")


def hidden_chow_liu(
    rows: Any, states: States, hidden_states: int = 16, seed: int | None = None, sample_weight: Any = None
) -> BayesianNetwork:
    """A tree of hidden variables, one for each variable, joined as in the Chow-Liu tree; tables are drawn.

    The variables are children of their hidden ones, `z_<variable>`, and independent of all else given these. `EM` then
    fits the tables. Neighboring hidden variables begin with the same state in nine of ten cases, so that the tree is
    almost a mixture, and `EM` finds out where it has to be more: from tables of which none resembles another it ends
    at a lower likelihood.

    Args:
        rows, states, sample_weight: as for `chow_liu`.
        hidden_states: of each hidden variable.
        seed: of the draws.

    Reference: Liu & Van den Broeck 2021, "Tractable regularization of probabilistic circuits".
    """
    tree = chow_liu(rows, states, sample_weight=sample_weight)
    generator = np.random.default_rng(seed)
    codes = read_evidence(tree, rows).codes
    hidden = {variable: f"z_{variable}" for variable in tree.variables}
    named = tuple(f"s{k}" for k in range(hidden_states))
    parents, cpts = {}, {}
    for column, variable in enumerate(tree.variables):
        above = tree.parents[variable]
        parents[hidden[variable]], parents[variable] = [hidden[each] for each in above], [hidden[variable]]
        shape = (hidden_states,) * (len(above) + 1)
        cpts[hidden[variable]] = generator.dirichlet(np.ones(hidden_states), shape[:-1])
        if above:
            cpts[hidden[variable]] = STAY * np.eye(hidden_states) + (1 - STAY) * cpts[hidden[variable]]
        present = codes[column][codes[column] >= 0]
        shares = (np.bincount(present, minlength=len(states[variable])) + 1) / (present.size + len(states[variable]))
        cpts[variable] = generator.dirichlet(2 * len(shares) * shares, hidden_states) + 1e-3
    properties = {f"variable {latent}": ["hidden"] for latent in hidden.values()}
    all_states = {**tree.states, **dict.fromkeys(hidden.values(), named)}
    return BayesianNetwork(all_states, parents, cpts, "hidden Chow-Liu tree", properties)


def hidden_markov_model(
    steps: int, hidden_states: int, states: Sequence[str], name: str = "x", seed: int | None = None
) -> BayesianNetwork:
    """P(z_0) P(x_0 | z_0) prod_t P(z_t | z_t-1) P(x_t | z_t); tables are drawn, the same for every step.

    Args:
        steps: length of the chain.
        hidden_states: of each z_t, which are hidden.
        states: of each x_t.
        name: of the observed variables, `x0`, `x1`, ...
        seed: of the draws.

    >>> hidden_markov_model(3, 2, ["a", "b"]).observed
    ['x0', 'x1', 'x2']
    """
    generator = np.random.default_rng(seed)
    first = generator.dirichlet(np.ones(hidden_states))
    moves = generator.dirichlet(np.ones(hidden_states), hidden_states)
    shows = generator.dirichlet(np.ones(len(states)), hidden_states)
    observed = [f"{name}{t}" for t in range(steps)]
    hidden = [f"z_{variable}" for variable in observed]
    parents = {variable: [above] for variable, above in zip(observed, hidden, strict=True)}
    parents |= {variable: [above] for above, variable in itertools.pairwise(hidden)}
    cpts = dict.fromkeys(observed, shows) | dict.fromkeys(hidden[1:], moves) | {hidden[0]: first}
    all_states = {variable: tuple(states) for variable in observed}
    all_states |= {variable: tuple(f"s{k}" for k in range(hidden_states)) for variable in hidden}
    properties = {f"variable {variable}": ["hidden"] for variable in hidden}
    return BayesianNetwork(all_states, parents, cpts, "hidden Markov model", properties)


def _pair_counts(codes: np.ndarray, cards: Sequence[int], weights: np.ndarray) -> np.ndarray:
    """Counts of each pair of states of any two variables, `(all states, all states)`."""
    total = np.zeros((sum(cards), sum(cards)))
    for start in range(0, codes.shape[1], 4096):
        part = codes[:, start : start + 4096]
        one_hot = np.concatenate(
            [column_codes == np.arange(card)[:, None] for column_codes, card in zip(part, cards, strict=True)]
        )
        shown = one_hot.astype(np.float64)
        total += (shown * weights[start : start + 4096]) @ shown.T
    return total


def mutual_information(pairs: np.ndarray, cards: Sequence[int]) -> np.ndarray:
    """Mutual information of any two variables in nats, from counts of pairs of states."""
    starts = np.concatenate([[0], np.cumsum(cards)])[:-1]

    def by_variable(array: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.add.reduceat(array, starts, axis=0), starts, axis=1)

    def spread(array: np.ndarray, axis: int) -> np.ndarray:
        return np.repeat(array, cards, axis=axis)

    rows, columns = np.add.reduceat(pairs, starts, axis=1), np.add.reduceat(pairs, starts, axis=0)
    counts = by_variable(pairs)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(pairs * spread(spread(counts, 0), 1) / (spread(rows, 1) * spread(columns, 0)))
        return by_variable(np.where(pairs > 0, pairs * logs, 0)) / np.where(counts > 0, counts, 1)


def spanning_tree(weights: np.ndarray) -> list[int | None]:
    """The parent of each node in the maximum spanning tree, the first node being the root."""
    count = len(weights)
    parents: list[int | None] = [None] * count
    best, source = weights[0].astype(float), np.zeros(count, int)
    best[0] = -np.inf
    for _ in range(count - 1):
        column = int(best.argmax())
        parents[column] = int(source[column])
        best[column] = -np.inf
        closer = (weights[column] > best) & np.isfinite(best)
        best, source = np.where(closer, weights[column], best), np.where(closer, column, source)
    return parents


def _named(names: Sequence[str], parents: Sequence[int | None]) -> dict[str, list[str]]:
    return {name: [] if above is None else [names[above]] for name, above in zip(names, parents, strict=True)}
