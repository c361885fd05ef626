"""Derivatives of a fitted curve
=============================

A network learns a curve from noisy points. Its derivative with respect to the input was not part of the training, and
is exact for the curve that was learned.
"""

import matplotlib.pyplot as plt
import numpy as np

from nnlite import Sequential
from nnlite.layers import Dense

generator = np.random.default_rng(0)
x = np.sort(generator.uniform(-3, 3, 150))[:, None]
y = np.sin(2 * x) + 0.1 * generator.normal(size=x.shape)

model = Sequential([Dense(24, "tanh"), Dense(24, "tanh"), Dense(1)], seed=0)
model.compile("LevenbergMarquardt", "mse")
losses = model.fit(x, y, epochs=60, verbose=0).history["loss"]
print(f"mean squared error {losses[-1]:.4f}; that of the noise is 0.01")

# %%
line = np.linspace(-3, 3, 300)[:, None]
slopes = model.jacobian(line).vjp(np.ones((len(line), 1)))

figure, (above, below) = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
above.plot(x, y, ".", color="grey", label="points")
above.plot(line, np.sin(2 * line), "k--", linewidth=1, label="sin(2 x)")
above.plot(line, model.predict(line, verbose=0), label="network")
above.legend(fontsize=8)
below.plot(line, 2 * np.cos(2 * line), "k--", linewidth=1, label="2 cos(2 x)")
below.plot(line, slopes, label="derivative of the network")
below.set(xlabel="x", ylim=(-4, 4))
below.legend(fontsize=8)
plt.show()
