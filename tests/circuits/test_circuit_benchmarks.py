"""The benchmarks of circuits: what they ask, and the likelihoods that they print, by a small set of rows."""

from pathlib import Path

import numpy as np

from benchmarks.circuits import evidence_of, learnt, patterns
from nnlite.circuits import BayesianNetwork, Circuit
from nnlite.estimators import CircuitDensity

ROOT = Path(__file__).parents[2]


def test_rows_of_numbers_and_of_names_are_the_same_evidence():
    network = BayesianNetwork.from_bif(ROOT / "configs" / "clinic.bif")
    rows = patterns(network, 20, share=0.5)
    assert 0.3 < (rows >= 0).mean() < 0.7
    circuit = Circuit(network)
    np.testing.assert_array_equal(circuit.log_prob(rows), circuit.log_prob(evidence_of(network, rows)))


def test_the_likelihoods_of_a_set_of_files(tmp_path, capsys):
    random = np.random.default_rng(0)
    first = random.integers(0, 2, (60, 1))
    table = np.concatenate([first, first ^ (random.random((60, 3)) < 0.2)], axis=1)
    parts = {"train": table[:30], "valid": table[30:45], "test": table[45:]}
    for part, rows in parts.items():
        np.savetxt(tmp_path / f"small.{part}.data", rows, fmt="%d", delimiter=",")
    learnt(tmp_path, "small")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["small", "chow_liu"], ["small", "hclt"]]
    tree = CircuitDensity("chow_liu", random_state=0).fit(parts["train"], X_val=parts["valid"])
    assert lines[0][2] == f"{tree.score(parts['test']):.4f}"
