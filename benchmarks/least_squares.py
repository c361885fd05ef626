"""Levenberg-Marquardt beside the same written out in NumPy for a network of one hidden layer.

    python -m benchmarks.least_squares [--rounds 7]

Rows of a smooth function, tanh units, float64, the same first weights: the losses agree. Seconds of `fit` are those of
a whole training, callbacks and history included; medians of interleaved runs, and of quotients of runs side by side.
First with MATLAB's factors of the damping in both, then with the default damping in both; the last columns are a `fit`
with the default damping until its loss is that of MATLAB's factors by hand.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite import Input, Sequential
from nnlite.layers import Dense

__all__ = ["CASES", "MATLAB", "by_hand", "trained"]

ROWS = 500
# columns, units, iterations, rows
CASES = ((1, 20, 60, ROWS), (4, 20, 60, ROWS), (2, 100, 20, ROWS), (2, 50, 20, 1000), (5, 30, 20, 2000))
MATLAB = {"mu_dec": 0.1, "mu_inc": 10.0}
LARGEST_MU = 1e10


def rows(columns: int, count: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets."""
    x = np.random.default_rng(0).uniform(-1, 1, (count, columns))
    return x, np.sin(3 * x[:, 0]) * np.cos(2 * x[:, -1])


def untrained(columns: int, units: int, **options: float) -> Sequential:
    """The network; `options` of the optimizer."""
    model = Sequential([Input((columns,)), Dense(units, "tanh"), Dense(1)], seed=0, dtype="float64")
    model.compile({"LevenbergMarquardt": options}, "mse")
    return model


def trained(model: Sequential, x: np.ndarray, y: np.ndarray, iterations: int) -> list[float]:
    """The loss after each iteration of `fit`."""
    return model.fit(x, y[:, None], epochs=iterations, verbose=0).history["loss"]


def by_hand(
    weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, iterations: int, nielsen: bool = False
) -> list[float]:
    """The loss after each iteration, in NumPy alone; with MATLAB's factors of the damping, or by Nielsen's rule."""
    (count, columns), units, mu = x.shape, len(weights[1]), 1e-3
    first, second, third = columns * units, (columns + 1) * units, (columns + 2) * units

    def forward(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hidden = np.tanh(x @ point[:first].reshape(columns, units) + point[first:second])
        return hidden, hidden @ point[second:third] + point[third] - y

    point = np.concatenate([array.ravel() for array in weights])
    hidden, errors = forward(point)
    losses, loss, jacobian = [], errors @ errors / count, np.ones((count, third + 1))
    for _ in range(iterations):
        slopes = (1 - hidden**2) * point[second:third]
        jacobian[:, :first] = (x[:, :, None] * slopes[:, None]).reshape(count, first)
        jacobian[:, first:second], jacobian[:, second:third] = slopes, hidden
        matrix, gradient = jacobian.T @ jacobian / count, jacobian.T @ errors / count
        raising = 2 if nielsen else 10
        while mu <= LARGEST_MU:
            damped = matrix.copy()
            damped.flat[:: third + 2] += mu
            step = np.linalg.solve(damped, gradient)
            new_hidden, new_errors = forward(point - step)
            if (lower := new_errors @ new_errors / count) < loss:
                kept = (loss - lower) / (step @ (mu * step + gradient))
                mu *= max(1 / 3, 1 - (2 * kept - 1) ** 3) if nielsen else 0.1
                point, hidden, errors, loss = point - step, new_hidden, new_errors, lower
                break
            mu, raising = mu * raising, raising * 2 if nielsen else 10
        losses.append(float(loss))
    return losses


def timed(run: Callable[..., list[float]], *arguments: Any) -> tuple[list[float], float]:
    """What it returns, and the seconds that it takes."""
    begun = time.perf_counter()
    losses = run(*arguments)
    return losses, time.perf_counter() - begun


def compared(columns: int, units: int, iterations: int, count: int, rounds: int) -> str:
    """The row of a case: rows, parameters, and for either damping both times, their quotient and how losses differ."""
    x, y = rows(columns, count)
    weights = untrained(columns, units).get_weights()
    texts, goal = [f"{count:6}{sum(array.size for array in weights):11}"], 0.0
    for options in (MATLAB, {}):
        taken, hand, losses = [], [0.0], [0.0]
        for _ in range(rounds):
            model = untrained(columns, units, **options)
            hand, theirs = timed(by_hand, weights, x, y, iterations, not options)
            losses, ours = timed(trained, model, x, y, iterations)
            taken.append((theirs, ours, ours / theirs))
        theirs, ours, times = map(statistics.median, zip(*taken, strict=True))
        texts.append(f"{theirs:11.4f}{ours:9.4f}{times:7.2f}{abs(losses[-1] / hand[-1] - 1):9.0e}")
        if options:
            goal, slowest = hand[-1], theirs
    seconds = []
    for _ in range(rounds):
        model = untrained(columns, units, goal=goal)
        losses, ours = timed(trained, model, x, y, iterations)
        seconds.append(ours)
    ours = statistics.median(seconds)
    return "".join(texts) + f"{len(losses):11}{ours:9.4f}{ours / slowest:7.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    sides = "".join(f"{name:>11}{'fit, s':>9}{'times':>7}{'differs':>9}" for name in ("MATLAB's, s", "default, s"))
    print(f"{'rows':>6}{'parameters':>11}{sides}{'iterations':>11}{'fit, s':>9}{'times':>7}")
    for case in CASES:
        print(compared(*case, rounds), flush=True)


if __name__ == "__main__":
    main()
