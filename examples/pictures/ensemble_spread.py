"""An ensemble as one model
========================

Layers with ``members`` hold several networks that are trained simultaneously. Where there are no points the networks
disagree, and their spread shows it.
"""

import matplotlib.pyplot as plt
import numpy as np

from nnlite import Sequential
from nnlite.layers import Dense, RepeatVector

generator = np.random.default_rng(0)
x = np.concatenate([generator.uniform(-3, -0.5, 60), generator.uniform(1, 3, 60)])[:, None]
y = np.sin(2 * x) + 0.1 * generator.normal(size=x.shape)

MEMBERS = 8
layers = [RepeatVector(MEMBERS), Dense(64, "tanh", members=MEMBERS), Dense(64, "tanh", members=MEMBERS)]
model = Sequential([*layers, Dense(1, members=MEMBERS)], seed=0)
model.compile({"Adam": {"learning_rate": 0.01}}, "mse")
model.fit(x, np.repeat(y[:, None], MEMBERS, axis=1), epochs=150, verbose=0)

# %%
line = np.linspace(-4, 4, 300)[:, None]
answers = model.predict(line, verbose=0)[..., 0]
mean, spread = answers.mean(axis=1), answers.std(axis=1)

figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
axes.fill_between(line[:, 0], mean - 2 * spread, mean + 2 * spread, alpha=0.25, label="two standard deviations")
axes.plot(line, answers, color="C0", linewidth=0.5, alpha=0.6)
axes.plot(line, mean, color="C0", label="mean of eight")
axes.plot(x, y, "k.", markersize=4, label="points")
axes.set(ylim=(-3, 3))
axes.legend(fontsize=8)
plt.show()
