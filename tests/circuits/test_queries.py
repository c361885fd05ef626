"""Every query against enumeration, on a network of our own and on random ones with structural zeros."""

import warnings

import numpy as np
import pytest
from bayes_nets import clinic, joint_table, marginal, masked, patterns, random_network

from nnlite.circuits import BayesianNetwork, Circuit, NetworkError, queries
from nnlite.circuits.queries import _flips_one_by_one, _joint_in_logarithms, read

NETWORKS = [clinic(), *map(random_network, range(5))]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(params=range(len(NETWORKS)))
def case(request):
    network = NETWORKS[request.param]
    rows = patterns(network, 15, seed=request.param)
    rows[0] = -1
    return network, Circuit(network), rows, [masked(network, row) for row in rows]


def test_log_prob_and_marginals(case):
    network, circuit, rows, tables = case
    logs, found = circuit.log_prob(rows), circuit.marginals(rows)
    for row, table in enumerate(tables):
        assert logs[row] == pytest.approx(np.log(table.sum()), abs=1e-12)
        for column, name in enumerate(network.variables):
            assert found[name][row] == pytest.approx(marginal(table, column) / table.sum(), abs=1e-12)


def test_a_target_changes_no_answer(case):
    network, circuit, rows, _ = case
    other = Circuit(network, target=network.variables[1])
    assert other.log_prob(rows) == pytest.approx(circuit.log_prob(rows), abs=1e-12)
    joint = other(other.log_likelihoods(rows))
    assert joint.shape == (15, network.cards[1])
    assert np.log(np.exp(joint).sum(axis=1)) == pytest.approx(circuit.log_prob(rows), abs=1e-12)
    one, value = circuit.mpe(rows)
    assert other.mpe(rows)[1] == pytest.approx(value, abs=1e-12)
    assert network.joint_log_prob(one) == pytest.approx(value, abs=1e-12)


def test_mpe(case):
    _, circuit, rows, tables = case
    codes, values = circuit.mpe(rows)
    for row, table in enumerate(tables):
        assert values[row] == pytest.approx(np.log(table.max()), abs=1e-12)
        assert table[tuple(codes[row])] == pytest.approx(table.max(), rel=1e-12)
    assert np.array_equal(np.where(rows >= 0, rows, codes), codes)


def test_flips(case):
    network, circuit, rows, _ = case
    found = circuit.flips(rows)
    for row in range(len(rows)):
        for column, name in enumerate(network.variables):
            without = rows[row].copy()
            without[column] = -1
            exact = marginal(masked(network, without), column)
            assert found[name][row] == pytest.approx(exact, abs=1e-12)


def test_joint_queries(case):
    network, circuit, rows, tables = case
    names = [network.variables[column] for column in (3, 0, 2)]
    found = circuit.query(rows, names, joint=True)
    rest = tuple(axis for axis in range(len(network.variables)) if axis not in (0, 2, 3))
    for row, table in enumerate(tables):
        exact = table.sum(axis=rest).transpose(2, 0, 1) / table.sum()
        assert found[row] == pytest.approx(exact, abs=1e-12)
    assert set(circuit.query(rows, names)) == set(names)
    assert np.array_equal(circuit.query(rows, names[0])[names[0]], circuit.marginals(rows)[names[0]])


def test_expected_counts_of_rows_and_weights(case):
    network, circuit, rows, tables = case
    weights = np.linspace(0.5, 2, len(rows))
    found = circuit.expected_counts(rows, weights)
    for name in network.variables:
        family = [network.index(own) for own in (*network.parents[name], name)]
        rest = tuple(axis for axis in range(len(network.variables)) if axis not in family)
        places = np.argsort(np.argsort(family))
        exact = sum(w * t.sum(axis=rest).transpose(places) / t.sum() for w, t in zip(weights, tables, strict=True))
        assert found[name] == pytest.approx(exact, abs=1e-11)


def test_counts_of_complete_rows_are_counted(case):
    network, circuit, _, _ = case
    rows = network.sample(60, seed=9)
    found = circuit.expected_counts(rows)
    for name in network.variables:
        exact = np.zeros(network.shape(name))
        np.add.at(exact, tuple(rows[:, network.index(own)] for own in (*network.parents[name], name)), 1)
        assert found[name] == pytest.approx(exact, abs=1e-12)
    assert circuit.log_prob(rows) == pytest.approx(network.joint_log_prob(rows), abs=1e-12)


def test_columns_known_in_every_row_are_looked_up(case):
    network, circuit, rows, _ = case
    rows = np.where(np.arange(rows.shape[1]) < 3, network.sample(15, seed=2), rows)
    rows[:, 3:] = np.where(np.isfinite(circuit.log_prob(rows))[:, None], rows[:, 3:], -1)
    assert circuit.sweep(known=read(circuit, rows).known_everywhere()).plan.known >= {0, 1, 2}
    open_rows = np.vstack([rows, np.full(rows.shape[1], -1)])  # nothing is known in every row
    assert circuit.log_prob(open_rows)[:-1] == pytest.approx(circuit.log_prob(rows), abs=1e-12)
    both = circuit.expected_counts(open_rows)
    rest = circuit.expected_counts(open_rows[-1:])
    for name, counts in circuit.expected_counts(rows).items():
        assert counts == pytest.approx(both[name] - rest[name], abs=1e-11)


def test_soft_evidence(case):
    network, circuit, rows, _ = case
    vector = np.linspace(0.2, 1, network.cards[1])
    cells = network.frame(rows)
    for cell in cells:
        cell[network.variables[1]] = vector
    found, logs = circuit.marginals(cells), circuit.log_prob(cells)
    for row in range(len(rows)):
        without = rows[row].copy()
        without[1] = -1
        table = masked(network, without, {1: vector})
        assert logs[row] == pytest.approx(np.log(table.sum()), abs=1e-12)
        for column, name in enumerate(network.variables):
            assert found[name][row] == pytest.approx(marginal(table, column) / table.sum(), abs=1e-12)


def test_samples_follow_the_posterior_and_obey_evidence():
    network = clinic()
    circuit = Circuit(network)
    row = {"x ray": "dark", "breathless": "yes"}
    drawn = circuit.sample(20000, row, seed=4)
    assert np.array_equal(drawn, circuit.sample(20000, row, seed=4))
    posterior = circuit.marginals(row)
    for column, name in enumerate(network.variables):
        shares = np.bincount(drawn[:, column], minlength=network.cards[column]) / 20000
        assert np.abs(shares - posterior[name][0]).max() < 0.015
    pair = np.mean((drawn[:, 1] == 0) & (drawn[:, 3] == 0))
    assert pair == pytest.approx(circuit.query(row, ["flu", "tumour"], joint=True)[0, 0, 0], abs=0.01)
    rows = patterns(network, 40, seed=1)
    each = circuit.sample(40, rows, seed=0)
    assert np.array_equal(np.where(rows >= 0, rows, each), each)
    assert np.isfinite(network.joint_log_prob(each)).all()
    with pytest.raises(NetworkError, match="row 0 is impossible"):
        circuit.sample(3, {"flu": "yes", "finding": "no"})
    with pytest.raises(NetworkError, match="one row or 5, got 40"):
        circuit.sample(5, rows)


def test_gaps_are_filled():
    network = clinic()
    circuit, rows = Circuit(network), patterns(clinic(), 30, seed=5)
    for method in ("mpe", "marginal", "sample"):
        filled = circuit.impute(rows, method, seed=1)
        assert np.array_equal(np.where(rows >= 0, rows, filled), filled)
        assert (filled >= 0).all()
    assert np.array_equal(circuit.impute(rows), circuit.mpe(rows)[0])
    found = circuit.marginals(rows)["smoker"]
    assert np.array_equal(circuit.impute(rows, "marginal")[:, 2], found.argmax(axis=1))


def test_impossible_evidence_is_minus_infinity():
    circuit = Circuit(clinic())
    rows = [{"flu": "yes", "finding": "no"}, {"flu": "yes"}]
    logs = circuit.log_prob(rows)
    assert logs[0] == -np.inf
    assert np.isfinite(logs[1])
    found = circuit.marginals(rows)
    assert np.isnan(found["smoker"][0]).all()
    assert np.isfinite(found["smoker"][1]).all()
    assert np.isnan(circuit.query(rows, ["smoker", "cough"], joint=True)[0]).all()
    codes, values = circuit.mpe(rows)
    assert (codes[0] == -1).all()
    assert values[0] == -np.inf
    assert circuit.impute(rows, "marginal")[0, 2] == -1
    flips = circuit.flips(rows)  # without "finding = no" there is a chance, and the other way round
    assert flips["finding"][0, 0] == pytest.approx(np.exp(logs[1]), abs=1e-15)
    alone = circuit.expected_counts(rows[1:])
    for name, counts in circuit.expected_counts(rows).items():
        assert counts == pytest.approx(alone[name], abs=1e-14)


def naive_bayes(features=240):
    states = {"class": "ab"} | {f"x{i}": "01" for i in range(features)}
    generator = np.random.default_rng(0)
    table = generator.uniform(1e-3, 0.01, (features, 2))
    cpts = {f"x{i}": np.stack([table[i], 1 - table[i]], axis=1) for i in range(features)}
    return BayesianNetwork(states, {f"x{i}": ["class"] for i in range(features)}, cpts)


def test_rows_too_unlikely_for_scaled_numbers_are_right():
    network = naive_bayes()
    circuit = Circuit(network)
    row = np.zeros((1, 241), int)
    logs = np.array([[np.log(0.5) + sum(np.log(network.cpts[f"x{i}"][k, 0]) for i in range(240))] for k in (0, 1)])
    exact = np.logaddexp(*logs)[0]
    row[0, 0] = -1
    assert exact < -1000
    assert circuit.log_prob(row)[0] == pytest.approx(exact, abs=1e-9)
    posterior = np.exp(logs[:, 0] - exact)
    assert circuit.marginals(row)["class"][0] == pytest.approx(posterior, abs=1e-9)
    assert circuit.query(row, ["class"], joint=True)[0] == pytest.approx(posterior, abs=1e-9)
    counts = circuit.expected_counts(row)
    assert counts["class"] == pytest.approx(posterior, abs=1e-9)
    assert counts["x7"][:, 0] == pytest.approx(posterior, abs=1e-9)
    flips = circuit.flips(row, log=True)
    assert flips["class"][0] == pytest.approx(logs[:, 0], abs=1e-9)
    other = row.copy()
    other[0, 5] = 1
    assert flips["x4"][0, 1] == pytest.approx(circuit.log_prob(other)[0], abs=1e-9)


def test_the_ways_in_logarithms_agree_with_the_quick_ones():
    network = clinic()
    circuit, rows = Circuit(network), patterns(clinic(), 6, seed=3)
    evidence = read(circuit, rows)
    joint = circuit.query(rows, ["flu", "cough"], joint=True)
    flips = circuit.flips(rows, log=True)
    slow = [np.empty((6, card)) for card in network.cards]
    for row in range(6):
        part = evidence.part([row])
        assert _joint_in_logarithms(circuit, part, [1, 4], [2, 3]) == pytest.approx(joint[row], abs=1e-13)
        _flips_one_by_one(circuit, part, slow, row)
    for own, name in zip(slow, network.variables, strict=True):
        assert np.exp(own) == pytest.approx(np.exp(flips[name]), abs=1e-13)


def test_rows_come_in_chunks(monkeypatch):
    network = clinic()
    circuit, rows = Circuit(network), patterns(clinic(), 1003, seed=2)
    logs = circuit.log_prob(rows)
    assert logs[[0, 999, 1000, 1002]] == pytest.approx(circuit.log_prob(rows[[0, 999, 1000, 1002]]), abs=1e-13)
    assert joint_table(network).sum() == pytest.approx(1)


@pytest.mark.parametrize("target", [None, "x ray", "tumour"])
def test_looking_up_what_every_row_knows_changes_no_marginal(target, monkeypatch):
    network = clinic()
    circuit = Circuit(network, target=target)
    rows = patterns(network, 40, seed=4)
    finding, xray, breathless = (network.index(own) for own in ("finding", "x ray", "breathless"))
    rows[:, [finding, xray]] = network.sample(40, seed=5)[:, [finding, xray]]
    evidence = read(circuit, rows)
    evidence.soft[breathless] = np.random.default_rng(6).random((2, 40))
    slow = circuit.marginals(evidence)
    monkeypatch.setattr(queries, "FEW_NUMBERS", 0)
    quick = circuit.marginals(evidence)
    known = evidence.known_everywhere() - {network.index(own) for own in [target] if own}
    assert list(circuit._plans)[-1][1] == known  # it has been another way
    for own, posterior in slow.items():
        assert quick[own] == pytest.approx(posterior, abs=1e-14, nan_ok=True)


def unlikely(features=240):
    """Classes (3/4, 1/4) given that all features are 0, whose log P is -1464.7."""
    each = np.exp(-1464.7 / features) * np.array([1.5, 0.5]) ** (1 / features)
    states = {"class": "ab"} | {f"x{i}": "01" for i in range(features)}
    cpts = {f"x{i}": np.stack([each, 1 - each], axis=1) for i in range(features)}
    return BayesianNetwork(states, {f"x{i}": ["class"] for i in range(features)}, cpts)


@pytest.mark.parametrize("count", [1, 500])  # by messages; by looking up
def test_240_observed_features_stay_in_the_range_of_scaled_numbers(count, monkeypatch):
    monkeypatch.setattr(queries, "_in_logarithms", None)
    circuit = Circuit(unlikely())
    rows = np.zeros((count, 241), int)
    rows[:, 0] = -1
    assert circuit.log_prob(rows) == pytest.approx(np.full(count, -1464.7), abs=1e-9)
    assert circuit.marginals(rows)["class"] == pytest.approx(np.tile([0.75, 0.25], (count, 1)), abs=1e-11)
    assert circuit.expected_counts(rows)["x7"][:, 0] == pytest.approx(count * np.array([0.75, 0.25]), rel=1e-11)
