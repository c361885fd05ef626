"""The page about circuits: its code runs, and its numbers are those that come out."""

import re
from pathlib import Path

import numpy as np
import pytest

from nnlite.circuits import BayesianNetwork, Circuit
from nnlite.circuits.networks.bif import parse_bif

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "circuits.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_first_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    circuit = Circuit(BayesianNetwork.from_bif("configs/clinic.bif"))
    code = PYTHON[0].replace('"trained.bif"', repr(str(tmp_path / "trained.bif")))
    exec(code, {"rows": circuit.sample(50, seed=1)})
    assert (tmp_path / "trained.bif").exists()


def test_the_network_by_hand():
    names: dict = {}
    exec(PYTHON[1], names)
    (text,) = re.findall(r"```\n(network hand.*?)```", PAGE, re.DOTALL)
    assert BayesianNetwork(**parse_bif(text)).cpts["wet"].tolist() == names["network"].cpts["wet"].tolist()
    assert names["log_f"].round(4).tolist() == [[-0.8675]]
    assert "log f = -0.8675" in PAGE
    assert names["posteriors"].round(4).tolist() == [[0.4286, 0.5714, 1.0, 0.0]]
    assert "(0.4286, 0.5714, 1, 0)" in PAGE
    first, second, _ = names["shares"]
    of_wet = first.reshape(2, 2, 2)[[0, 1], [0, 1]]  # P(wet | rain, wet = yes) for each state of rain
    assert of_wet.tolist() == [[1, 0], [1, 0]]
    assert second.ravel().round(4).tolist() == [0.4286, 0.5714]
    counts = names["circuit"].expected_counts([{"wet": "yes"}])["wet"]
    assert counts.round(4).tolist() == [[0.4286, 0], [0.5714, 0]]
    assert np.exp(names["log_f"][0, 0]) == pytest.approx(0.42)


def test_the_table_of_derivatives():
    circuit = Circuit(BayesianNetwork.from_bif(ROOT / "configs" / "clinic.bif"))
    row = [{"xray": "dark", "cough": "dry"}]
    circuit.forward(circuit.log_likelihoods(row))
    by_lambda, *by_logits = circuit.backward(1)
    found, counts, flips = circuit.marginals(row), circuit.expected_counts(row), circuit.flips(row)
    assert by_lambda[0] == pytest.approx(np.concatenate([own[0] for own in found.values()]), abs=1e-14)
    for name, theta, slopes in zip(circuit.network.variables, circuit.tables(), by_logits[::2], strict=True):
        assert slopes == pytest.approx(counts[name] - theta * counts[name].sum(axis=-1, keepdims=True), abs=1e-13)
        posterior = circuit.query(row, name)[name]
        open_states = np.isin(name, ["xray", "cough"], invert=True)
        if open_states:
            assert flips[name] / np.exp(circuit.log_prob(row)) == pytest.approx(posterior, abs=1e-13)
