"""Diagnosis with a Bayesian network
=================================

Posterior probabilities of causes, the effect of further evidence, and the reasons for both.
"""

import sys
from pathlib import Path

import numpy as np

from nnlite.circuits import BayesianNetwork, Circuit

network = BayesianNetwork.from_bif(Path(sys.argv[0]).resolve().parent.parent / "configs" / "clinic.bif")
circuit = Circuit(network)
circuit.summary()

patients = [
    {"breathless": "yes"},
    {"breathless": "yes", "xray": "dark"},
    {"breathless": "yes", "xray": "dark", "smoker": ">10/day"},
    {"breathless": "yes", "xray": "dark", "smoker": "never", "abroad": "yes"},
    {"xray": [0.7, 0.2]},  # a blurred picture: soft evidence, how likely it would be of either kind
]
found = circuit.marginals(patients)
print("\nP(flu)   P(tumour)  evidence")
for row, patient in enumerate(patients):
    print(f"{found['flu'][row, 0]:.4f}   {found['tumour'][row, 0]:.4f}     {patient}")

# One backward pass is the derivative by every log lambda: the same posteriors.
circuit.forward(circuit.log_likelihoods(patients))
posteriors = circuit.backward(1)[0]
assert np.allclose(posteriors, np.concatenate(list(found.values()), axis=1))

codes, logs = circuit.mpe(patients[2:3])
print(f"\nthe likeliest whole story of patient 3, P = {np.exp(logs[0]):.4f}: {network.frame(codes)[0]}")

flips = circuit.flips(patients[1:2])
before = np.exp(circuit.log_prob(patients[1:2]))[0]
print(f"P(evidence) of patient 2 is {before:.4f}; with a clear picture it would have been {flips['xray'][0, 1]:.4f}")
