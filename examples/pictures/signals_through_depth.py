"""Signals and gradients through twenty layers
===========================================

The size of signals after each of twenty ReLU layers, and of gradients on the way back, for four initializers.
"""

import matplotlib.pyplot as plt
import numpy as np

from nnlite import Sequential, initializers
from nnlite.layers import Dense

DEPTH = 20
rows = np.random.default_rng(0).normal(size=(256, 128))
ways = {
    "normal, 0.05": initializers.RandomNormal(stddev=0.05),
    "Glorot": "glorot_uniform",
    "He": "he_normal",
    "orthogonal": initializers.Orthogonal(gain=2**0.5),
}

figure, (forth, back) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for name, initializer in ways.items():
    layers = [Dense(128, "relu", kernel_initializer=initializer, dtype="float64") for _ in range(DEPTH)]
    Sequential(layers, seed=0).build((None, 128))
    signal, signals, gradients = rows, [], []
    for layer in layers:
        signal = layer.forward(signal)
        signals.append(signal.std())
    gradient = np.ones_like(signal)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)[0]
        gradients.append(gradient.std())
    forth.semilogy(range(1, DEPTH + 1), signals, label=name)
    back.semilogy(range(DEPTH, 0, -1), gradients, label=name)
forth.set(title="signals", xlabel="layer", ylabel="standard deviation")
back.set(title="gradients", xlabel="layer")
forth.legend(fontsize=8)
plt.show()
