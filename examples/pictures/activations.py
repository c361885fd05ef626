"""Activation functions and their derivatives
==========================================

An activation function computes its output and its Jacobian side by side. The Jacobian is diagonal: its entries are the
derivative, drawn in orange.
"""

import matplotlib.pyplot as plt
import numpy as np

from nnlite import ops

points = np.linspace(-4, 4, 401)
activations = [ops.ReLU(), ops.LeakyReLU(), ops.ELU(), ops.SELU(), ops.GELU(), ops.SiLU(), ops.Tanh(), ops.Softplus()]

figure, panels = plt.subplots(2, 4, figsize=(9, 4.5), sharex=True, sharey=True, layout="constrained")
for panel, activation in zip(panels.ravel(), activations, strict=True):
    outputs, jacobians = activation.linearize(points)
    panel.axhline(0, color="grey", linewidth=0.6)
    panel.plot(points, outputs, label="output")
    panel.plot(points, jacobians[0].vjp(np.ones_like(points)), label="derivative")
    panel.set(title=type(activation).__name__, ylim=(-1.5, 2.5))
panels[0, 0].legend()
plt.show()
