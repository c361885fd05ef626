"""Small Bayesian networks of our own for tests, and answers by enumeration."""

import itertools

import numpy as np

from nnlite.circuits import BayesianNetwork

# Eight variables, two of them causes; `fault` is an exact "or", so that there are structural zeros; three rows of
# states; one variable has two parents on two paths, which makes a loop.
CLINIC = """// A waiting room.
network "waiting room" {
  property author "nobody";
}
variable abroad { type discrete [ 2 ] { yes, no }; property label "was abroad"; }
variable flu { type discrete [ 2 ] { yes, no }; }
variable smoker { type discrete [ 3 ] { never, 1-10, >10/day }; }
variable tumour { type discrete [ 2 ] { yes, no }; }
variable cough { type discrete [ 3 ] { none, dry, with phlegm }; }
variable finding { type discrete [ 2 ] { yes, no }; }
variable "x ray" { type discrete [ 2 ] { dark, clear }; }
variable breathless { type discrete [ 2 ] { yes, no }; }
probability ( abroad ) { table 0.02, 0.98; }
probability ( flu | abroad ) {
  (yes) 0.15, 0.85;
  default 0.03, 0.97;
}
probability ( smoker ) { table 0.6 0.3 0.1; }  /* numbers without
                                                   commas */
probability ( tumour | smoker ) {
  (never) 0.01, 0.99;
  (1-10) 0.05, 0.95;
  (>10/day) 0.15, 0.85;
}
probability ( cough | smoker ) {
  (never) 0.8, 0.15, 0.05;
  (1-10) 0.5, 0.3, 0.2;
  (>10/day) 0.2, 0.3, 0.5;
}
probability ( finding | flu, tumour ) {
  table 1, 1, 1, 0, 0, 0, 0, 1;
}
probability ( "x ray" | finding ) {
  (yes) 0.9, 0.1;
  (no) 0.08, 0.92;
}
probability ( breathless | finding, cough ) {
  (yes, none) 0.6, 0.4;
  (yes, dry) 0.75, 0.25;
  (yes, with phlegm) 0.9, 0.1;
  (no, none) 0.05, 0.95;
  (no, dry) 0.4, 0.6;
  (no, with phlegm) 0.7, 0.3;
}
"""


def clinic():
    from nnlite.circuits.networks.bif import parse_bif

    return BayesianNetwork(**parse_bif(CLINIC, "clinic.bif"))


def joint_table(network):
    """P of every combination of states, one axis for each variable."""
    table = np.ones(network.cards)
    for own in network.variables:
        columns = [network.index(each) for each in (*network.parents[own], own)]
        shape = [card if column in columns else 1 for column, card in enumerate(network.cards)]
        table = table * np.transpose(network.cpts[own], np.argsort(columns)).reshape(shape)
    return table


def masked(network, codes, soft=None):
    """The joint table with what contradicts one row's codes set to 0, and likelihoods multiplied in."""
    table = joint_table(network)
    for column, code in enumerate(codes):
        values = np.ones(network.cards[column]) if code < 0 else np.eye(network.cards[column])[code]
        values = values if soft is None or column not in soft else np.asarray(soft[column])
        table = table * values.reshape([-1 if axis == column else 1 for axis in range(table.ndim)])
    return table


def marginal(table, column):
    return table.sum(axis=tuple(axis for axis in range(table.ndim) if axis != column))


def patterns(network, count, seed=0, share=0.4):
    """Sampled rows of which a share of the cells is known."""
    generator = np.random.default_rng(seed)
    rows = network.sample(count, seed)
    return np.where(generator.random(rows.shape) < share, rows, -1)


def random_network(seed, variables=7, most_parents=3):
    """A network of random arcs and tables, with structural zeros."""
    generator = np.random.default_rng(seed)
    states = {f"v{i}": [f"s{k}" for k in range(generator.integers(2, 4))] for i in range(variables)}
    names, parents, cpts = list(states), {}, {}
    for place, own in enumerate(names):
        count = min(place, int(generator.integers(0, most_parents + 1)))
        parents[own] = [names[i] for i in generator.choice(place, count, replace=False)] if count else []
        shape = [len(states[each]) for each in (*parents[own], own)]
        table = generator.random(shape) + 0.05
        zero = generator.random(shape) < 0.15
        zero[..., 0] = False
        cpts[own] = np.where(zero, 0, table)
    return BayesianNetwork(states, parents, cpts)


def all_rows(network):
    return np.array(list(itertools.product(*map(range, network.cards))))
