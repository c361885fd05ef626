"""Solving a differential equation
===============================

A network learns a damped oscillation from the equation and its initial conditions alone.
"""

import sys
import time

import numpy as np

from nnlite import Input, Model, Sequential
from nnlite.layers import Dense, Dot, InputDerivatives, Rescaling

DAMPING, FREQUENCY = 0.2, 2.0  # u'' + 2 d u' + w^2 u = 0,  u(0) = 1,  u'(0) = 0


def solution(t):
    free = np.sqrt(FREQUENCY**2 - DAMPING**2)
    return np.exp(-DAMPING * t) * (np.cos(free * t) + DAMPING / free * np.sin(free * t))


# Each row is a condition: coefficients of u, u' and u'' at a time, and what their sum is.
inside = np.linspace(0, 10, 120)[:, None]
times = np.concatenate([inside, [[0.0], [0.0]]])
equation = np.tile([[FREQUENCY**2, 2 * DAMPING, 1.0]], (len(inside), 1))
coefficients = np.concatenate([equation, [[20.0, 0, 0], [0, 20.0, 0]]])  # the start weighs 20^2 times as much
targets = np.concatenate([np.zeros((len(inside), 1)), [[20.0], [0.0]]])

body = [Rescaling(0.2, -1.0), Dense(16, "tanh"), Dense(16, "tanh"), Dense(1)]
time_of, weights_of = Input((1,), dtype="float64"), Input((3,), dtype="float64")
terms = InputDerivatives(body, order=2, dtype="float64")  # u, u', u''
model = Model([time_of, weights_of], Dot(axes=1, dtype="float64")([terms(time_of), weights_of]), seed=0)
u = Sequential(terms.layers)

model.compile("LevenbergMarquardt", "mse")
begun = time.perf_counter()
history = model.fit([times, coefficients], targets, epochs=250, verbose=0).history
line = np.linspace(0, 10, 500)[:, None]
error = u.predict(line, verbose=0) - solution(line)
print(f"{len(history['loss'])} iterations in {time.perf_counter() - begun:.0f} s, loss {history['loss'][-1]:.1e}")
print(f"largest error against the exact solution: {np.abs(error).max():.1e}")
print(f"relative L2 error: {np.linalg.norm(error) / np.linalg.norm(solution(line)):.1e}")

if len(sys.argv) > 1:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 1))
    above.plot(line, solution(line), "k", linewidth=3, alpha=0.3, label="exact solution")
    above.plot(line, u.predict(line, verbose=0), label="network")
    above.plot(inside, np.zeros_like(inside), "k|", markersize=6, label="where the equation is asked for")
    above.legend(fontsize=8)
    below.semilogy(line, np.abs(error) + 1e-12)
    below.set_ylabel("error")
    below.set_xlabel("time")
    figure.savefig(sys.argv[1])
