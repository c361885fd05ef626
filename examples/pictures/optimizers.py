"""Comparison of optimizers
========================

The same initial weights and the same batches: the loss of each optimizer on handwritten digits over ten epochs. L-BFGS
uses the loss over all rows, and takes one step per epoch.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from nnlite import Sequential
from nnlite.layers import Dense

images, digits = load_digits(return_X_y=True)
optimizers = {
    "SGD": {"SGD": {"learning_rate": 0.1}},
    "SGD, Nesterov": {"SGD": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}},
    "RMSprop": {"RMSprop": {"learning_rate": 0.003}},
    "Adam": {"Adam": {"learning_rate": 0.003}},
    "Lion": {"Lion": {"learning_rate": 0.0005}},
    "Muon": {"Muon": {"learning_rate": 0.02}},
    "L-BFGS": "LBFGS",
}

figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
for name, optimizer in optimizers.items():
    model = Sequential([Dense(64, "relu"), Dense(10, "softmax")], seed=0)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    losses = model.fit(images / 16, digits, epochs=10, verbose=0).history["loss"]
    print(f"{name:14} loss {losses[-1]:.4f}")
    axes.semilogy(range(1, 11), losses, label=name)
axes.set(xlabel="epoch", ylabel="loss")
axes.legend(fontsize=8)
plt.show()
