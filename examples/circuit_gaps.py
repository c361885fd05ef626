"""Imputing missing values
=======================

A circuit learns from incomplete rows, quantifies its uncertainty, and fills in missing values.
"""

import sys
from pathlib import Path

import numpy as np

from nnlite.circuits import EM, BayesianNetwork, Circuit, hidden_chow_liu

network = BayesianNetwork.from_bif(Path(sys.argv[0]).resolve().parent.parent / "configs" / "clinic.bif")
complete = network.sample(4000, seed=0)
gone = np.random.default_rng(1).random(complete.shape) < 0.2
rows, held_out = np.where(gone, -1, complete), network.sample(1000, seed=2)

circuits = {
    "the network's arcs": Circuit(BayesianNetwork(network.states, network.parents)),
    "a hidden tree": Circuit(hidden_chow_liu(rows, network.states, hidden_states=6, seed=0)),
}
print(f"{gone.mean():.0%} of {complete.size:,} cells are missing")
for name, circuit in circuits.items():
    if not circuit.network.hidden:  # equal tables are where EM would not move
        tables = {
            own: np.random.default_rng(3).dirichlet(np.ones(table.shape[-1]), table.shape[:-1])
            for own, table in circuit.network.cpts.items()
        }
        circuit = Circuit(circuit.network.with_cpts(tables))
    history = circuit.fit(rows, EM(epochs=60, pseudocount=0.1))["log_likelihood"]
    columns = [circuit.network.index(own) for own in network.variables]
    filled = circuit.impute(rows, "marginal")[:, columns]
    right = (filled == complete)[gone].mean()
    print(
        f"{name}: {len(history)} epochs, log P of other rows {circuit.log_prob(held_out).mean():.4f} (the truth "
        f"{network.joint_log_prob(held_out).mean():.4f}), {right:.1%} of the gaps filled right"
    )

drawn = circuit.sample(3, rows[0], seed=0)
print("three draws for the first row:", *network.frame(drawn[:, columns]), sep="\n  ")
