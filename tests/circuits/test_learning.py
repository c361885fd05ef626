"""Learning: closed forms, a likelihood that never falls, batches, gradients, targets."""

import numpy as np
import pytest
from bayes_nets import clinic, random_network

from nnlite.circuits import EM, BayesianNetwork, Circuit, NetworkError, hidden_chow_liu
from nnlite.errors import ConfigError, DataError
from nnlite.losses import NegativeLogLikelihood


def shares_of(network, rows):
    """The closed-form estimate, uniform where a row of a table has no data."""
    tables = {}
    for name in network.variables:
        counts = np.zeros(network.shape(name))
        np.add.at(counts, tuple(rows[:, network.index(own)] for own in (*network.parents[name], name)), 1)
        sums = counts.sum(axis=-1, keepdims=True)
        tables[name] = np.where(sums > 0, counts / np.where(sums > 0, sums, 1), 1 / counts.shape[-1])
    return tables


def free(network):
    """The same arcs, all states equally likely."""
    return BayesianNetwork(network.states, network.parents)


@pytest.mark.parametrize("seed", range(3))
def test_one_step_on_complete_rows_is_the_closed_form(seed):
    network = random_network(seed)
    rows, circuit = network.sample(300, seed), Circuit(free(network))
    history = circuit.fit(rows, EM(epochs=1))
    for name, table in shares_of(network, rows).items():
        assert circuit.to_network().cpts[name] == pytest.approx(table, abs=1e-12)
    assert len(history["log_likelihood"]) == 1


def test_weights_count_as_rows():
    network = clinic()
    rows = network.sample(50, 1)
    twice, weighted = Circuit(free(network)), Circuit(free(network))
    twice.fit(np.vstack([rows, rows[:10]]), EM(epochs=1))
    weighted.fit(rows, EM(epochs=1), sample_weight=np.where(np.arange(50) < 10, 2, 1))
    for one, other in zip(twice.tables(), weighted.tables(), strict=True):
        assert one == pytest.approx(other, abs=1e-13)
    with pytest.raises(DataError, match="one weight >= 0 for each of 50 rows"):
        weighted.fit(rows, EM(), sample_weight=-np.ones(50))


def test_the_likelihood_of_rows_with_gaps_never_falls():
    network = clinic()
    rows = network.sample(1500, 2)
    rows[np.random.default_rng(0).random(rows.shape) < 0.2] = -1
    circuit = Circuit(network)
    true = circuit.log_prob(rows).mean()
    history = circuit.fit(rows, EM(epochs=25, tolerance=0))["log_likelihood"]
    assert history[0] == pytest.approx(true, abs=1e-12)
    assert np.diff(history).min() > -1e-9
    assert circuit.log_prob(rows).mean() > true
    assert not circuit.to_network().cpts["finding"][0, :, 1].any()  # structural zeros stay


def test_pseudocounts_and_rows_of_tables_without_data():
    circuit = Circuit(BayesianNetwork({"a": "xy", "b": "xyz"}, {"b": ["a"]}, {"b": [[1, 2, 3], [4, 5, 1]]}))
    circuit.fit(np.array([[0, 0], [0, 1]]), EM(epochs=1, pseudocount=0.5))
    assert circuit.tables()[0] == pytest.approx(np.array([2.5, 0.5]) / 3)
    assert circuit.tables()[1] == pytest.approx(np.array([[1.5, 1.5, 0.5], [0.5, 0.5, 0.5]]) / [[3.5], [1.5]])
    circuit.fit(np.array([[0, 0], [0, 1]]), EM(epochs=1))
    assert circuit.tables()[1][1] == pytest.approx([1 / 3] * 3)  # nothing to say of a = y


def test_batches_come_near_what_all_rows_give():
    network = clinic()
    rows = network.sample(3000, 3)
    whole, parts = Circuit(free(network)), Circuit(free(network))
    whole.fit(rows, EM(epochs=1))
    parts.fit(rows, EM(epochs=15, batch_size=300, step=0.2, pseudocount=0.1, seed=5))
    assert parts.log_prob(rows).mean() == pytest.approx(whole.log_prob(rows).mean(), abs=2e-3)


def test_the_epoch_best_for_validation_rows_is_kept():
    network = clinic()
    rows, held = network.sample(60, 4), network.sample(400, 5)
    hidden = hidden_chow_liu(rows, network.states, 4, seed=0)
    circuit = Circuit(hidden)
    learner = EM(epochs=40, patience=4, pseudocount=0.01)
    history = circuit.fit(rows, learner, validation_rows=held)["val_log_likelihood"]
    assert len(history) < 40
    assert int(np.argmax(history)) == len(history) - 5
    assert circuit.log_prob(held).mean() == pytest.approx(max(history), abs=1e-12)


def test_an_impossible_row_is_named():
    rows = clinic().sample(5, 0)
    rows[3, [1, 5]] = 0, 1
    with pytest.raises(NetworkError, match="row 3 is impossible"):
        Circuit(clinic()).fit(rows, EM())


def test_adam_comes_to_the_closed_form():
    network = clinic()
    rows = network.sample(2000, 6)
    best, circuit = Circuit(free(network)), Circuit(free(network))
    best.fit(rows, EM(epochs=1))
    circuit.compile({"adam": {"learning_rate": 0.05}})
    history = circuit.fit(rows, epochs=25, batch_size=100, verbose=0)
    circuit.compile({"adam": {"learning_rate": 0.002}})
    circuit.fit(rows, epochs=10, batch_size=100, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert circuit.log_prob(rows).mean() > best.log_prob(rows).mean() - 2e-3


def test_gradients_train_on_gaps_and_soft_evidence():
    network = clinic()
    cells = network.frame(np.where(np.arange(8) == 3, -1, network.sample(200, 7)))
    cells[0]["flu"] = [0.5, 0.25]
    circuit = Circuit(free(network))
    before = circuit.log_prob(cells).mean()
    circuit.compile({"adam": {"learning_rate": 0.05}})
    circuit.fit(cells, epochs=5, verbose=0)
    assert circuit.log_prob(cells).mean() > before + 0.5


def test_a_target_is_trained_by_its_conditional_likelihood():
    network = clinic()
    rows = network.sample(1500, 8)
    circuit = Circuit(free(network), target="breathless")
    circuit.compile({"adam": {"learning_rate": 0.05}}, metrics=["accuracy"])
    history = circuit.fit(rows, epochs=10, verbose=0)
    hidden = np.where(np.arange(8) == 7, -1, rows)
    posterior = circuit.marginals(hidden)["breathless"][np.arange(1500), rows[:, 7]]
    true = Circuit(network).marginals(hidden)["breathless"][np.arange(1500), rows[:, 7]]
    assert np.log(posterior).mean() > np.log(true).mean() - 0.02
    assert history.history["accuracy"][-1] > 0.7
    logits = circuit(hidden)
    difference = logits[np.arange(1500), rows[:, 7]] - circuit.log_prob(hidden)  # log P(y, e) - log P(e)
    assert difference == pytest.approx(np.log(posterior), abs=1e-10)
    with pytest.raises(NetworkError, match="row 0 has no target"):
        circuit.fit(hidden, verbose=0)


def test_what_does_not_go_together_is_named():
    circuit, rows = Circuit(clinic()), clinic().sample(3, 0)
    with pytest.raises(ConfigError, match="'epochs' with an optimizer"):
        circuit.fit(rows, epochs=3)
    circuit.compile("sgd")
    with pytest.raises(ConfigError, match="need a circuit with a target"):
        circuit.fit(rows, y=[0, 1, 0], verbose=0)
    with pytest.raises(ConfigError, match="unknown learning method"):
        circuit.fit(rows, "EN")


def test_the_loss_is_the_negative_mean():
    loss = NegativeLogLikelihood()
    assert loss.forward(np.zeros((2, 1)), np.array([[-1.0], [-4.0]])) == 2.5
    assert loss.backward().tolist() == [[-0.5], [-0.5]]


def test_a_falling_step_settles_where_all_rows_are():
    assert list(EM(epochs=2, batch_size=5, step=0.2, final_step=0.05)._steps(10)) == pytest.approx(
        [0.2, 0.15, 0.1, 0.05]
    )
    network = clinic()
    rows = network.sample(1500, 3)
    closed = Circuit(network)
    closed.fit(rows, EM(epochs=1, pseudocount=0.1))
    gaps = []
    for final_step in (None, 0.01):
        circuit = Circuit(network)
        circuit.fit(rows, EM(epochs=10, batch_size=100, step=0.3, final_step=final_step, pseudocount=0.1))
        gaps.append(closed.log_prob(rows).mean() - circuit.log_prob(rows).mean())
    assert 0 < gaps[1] < gaps[0] / 5
