"""Decision boundary on two moons
==============================

A network with two hidden layers separates two half-moons. The arrows are the derivative of its logit with respect to
the two inputs, at some of the points: the direction in which the prediction changes fastest.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from nnlite import Sequential
from nnlite.layers import Dense

points, moons = make_moons(400, noise=0.2, random_state=0)
model = Sequential([Dense(32, "tanh"), Dense(32, "tanh"), Dense(1)], seed=0)
model.compile({"Adam": {"learning_rate": 0.01}}, {"BinaryCrossentropy": {"from_logits": True}}, ["accuracy"])
history = model.fit(points, moons, epochs=60, verbose=0).history
print(f"accuracy {history['accuracy'][-1]:.3f}")

# %%
# ``model.jacobian`` is a map; a row of ones times it is each point's own derivative.

some = points[::12]
arrows = model.jacobian(some).vjp(np.ones((len(some), 1)))
arrows /= np.linalg.norm(arrows, axis=1, keepdims=True)

across, up = np.meshgrid(np.linspace(-2, 3, 200), np.linspace(-1.6, 2.1, 200))
grid = np.column_stack([across.ravel(), up.ravel()])
chances = 1 / (1 + np.exp(-model.predict(grid, verbose=0).reshape(across.shape)))

figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
shades = axes.contourf(across, up, chances, levels=20, cmap="RdBu_r", alpha=0.7)
axes.contour(across, up, chances, levels=[0.5], colors="k")
axes.scatter(*points.T, c=moons, cmap="RdBu_r", edgecolors="k", linewidths=0.4, s=18)
axes.quiver(*some.T, *arrows.T, width=0.004)
figure.colorbar(shades, label="chance of the second moon")
plt.show()
