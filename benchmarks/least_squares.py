"""Levenberg-Marquardt beside the same written out in NumPy for a network of one hidden layer.

    python -m benchmarks.least_squares [--rounds 7]

Rows of a smooth function, tanh units, float64, the same first weights, MATLAB's factors of the damping in both: the
losses agree. Seconds of `fit` are those of a whole training, callbacks and history included; medians of interleaved
runs. The last columns are a `fit` with the default damping until its loss is that of the others.
"""

import argparse
import statistics
import time

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


def by_hand(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, iterations: int) -> list[float]:
    """The loss after each iteration, in NumPy alone."""
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
        while mu <= LARGEST_MU:
            damped = matrix.copy()
            damped.flat[:: third + 2] += mu
            moved = point - np.linalg.solve(damped, gradient)
            new_hidden, new_errors = forward(moved)
            if (lower := new_errors @ new_errors / count) < loss:
                point, hidden, errors, loss, mu = moved, new_hidden, new_errors, lower, mu / 10
                break
            mu *= 10
        losses.append(float(loss))
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print("  rows parameters  by hand, s  fit, s  times       loss  differs  default, s  times  iterations")
    for columns, units, iterations, count in CASES:
        x, y = rows(columns, count)
        taken, losses, sooner = [], [], []
        for _ in range(rounds):
            model = untrained(columns, units, **MATLAB)
            begun = time.perf_counter()
            hand = by_hand(model.get_weights(), x, y, iterations)
            seconds = [time.perf_counter() - begun]
            default = untrained(columns, units, goal=hand[-1])
            for network in (model, default):
                begun = time.perf_counter()
                losses, sooner = sooner, trained(network, x, y, iterations)
                seconds.append(time.perf_counter() - begun)
            taken.append(seconds)
        theirs, ours, quicker = map(statistics.median, zip(*taken, strict=True))
        differs = abs(losses[-1] / hand[-1] - 1)
        print(
            f"{count:6}{model.count_params():11}{theirs:12.4f}{ours:8.4f}{ours / theirs:7.2f}{losses[-1]:11.3e}"
            f"{differs:9.1e}{quicker:12.4f}{quicker / theirs:7.2f}{len(sooner):12}",
            flush=True,
        )


if __name__ == "__main__":
    main()
