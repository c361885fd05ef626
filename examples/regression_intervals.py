"""Prediction intervals for regression
===================================

A curve fitted to noisy points by Levenberg-Marquardt, with intervals that widen where there are no points.
"""

import sys

import numpy as np

from nnlite import Input, Sequential
from nnlite.layers import Dense

random = np.random.default_rng(2)


def curve(x):
    return np.sin(2 * x) + x / 2


def draw(count):
    """Points of the curve with noise of 0.15, none of them between 0.5 and 1.5."""
    rows = np.concatenate([random.uniform(-3, 0.5, 3 * count // 4), random.uniform(1.5, 3, count // 4)])[:, None]
    return rows, curve(rows) + 0.15 * random.normal(size=rows.shape)


def net(optimizer):
    model = Sequential([Input((1,)), Dense(8, "tanh"), Dense(1)], seed=0)
    model.compile(optimizer, "mse")
    return model


x, y = draw(120)
model, adam = net("LevenbergMarquardt"), net({"Adam": {"learning_rate": 0.01}})
for name, trained in (("Levenberg-Marquardt", model), ("Adam", adam)):
    loss = trained.fit(x, y, epochs=100, verbose=0).history["loss"][-1]
    print(f"{name}, 100 epochs: root mean squared error {loss**0.5:.3f}")

# The Jacobian of the outputs with respect to the weights, which the last step was made of, tells their spread as well.
sure = model.uncertainty(x, y, damping=1e-6)
print(f"noise {sure.residual_std[0]:.3f}, {sure.effective_parameters:.1f} of {model.count_params()} parameters count")
new, targets = draw(4000)
for method in ("delta", "jackknife+"):
    low, high = sure.predict_interval(new, level=0.9, method=method)
    print(
        f"90 % intervals, {method}: {((low <= targets) & (targets <= high)).mean():.3f} of 4,000 new points lie within"
    )
widths = np.subtract(*sure.predict_interval([[-1.0], [1.0]], level=0.9)[::-1]).ravel()
print(f"width among the points {widths[0]:.2f}, in the gap {widths[1]:.2f}")

if len(sys.argv) > 1:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes, line = figure.subplots(), np.linspace(-3, 3, 300)[:, None]
    low, high = sure.predict_interval(line, level=0.9)
    axes.fill_between(line[:, 0], low[:, 0], high[:, 0], alpha=0.25, label="90 % interval")
    axes.plot(line, model.predict(line, verbose=0), label="model")
    axes.plot(line, curve(line), "k--", linewidth=1, label="curve")
    axes.plot(x, y, "k.", markersize=4, label="points")
    axes.legend(fontsize=8)
    figure.savefig(sys.argv[1])
