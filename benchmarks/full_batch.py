"""How soon Levenberg-Marquardt reaches the loss that Adam ends at: eight smooth functions, the same networks.

    python -m benchmarks.full_batch [--seconds 2] [--tasks sine chirp ...]

Adam trains a network of 20 tanh units on 500 rows in batches of 32 for so many seconds, with the best of two learning
rates; Levenberg-Marquardt starts from the same weights. The time to the lowest loss of an epoch of Adam's, and how far
Levenberg-Marquardt is after as many seconds.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite import Input, Sequential
from nnlite.callbacks import Callback
from nnlite.layers import Dense

__all__ = ["TASKS", "trained"]

ROWS, UNITS, BATCH = 500, 20, 32  # the batch is Adam's
TASKS: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "sine": (1, lambda x: np.sin(4 * x[:, 0])),
    "chirp": (1, lambda x: np.sin(3 * (x[:, 0] + 1) ** 2)),
    "runge": (1, lambda x: 1 / (1 + 25 * x[:, 0] ** 2)),
    "bump": (2, lambda x: np.exp(-4 * (x**2).sum(axis=1))),
    "saddle": (2, lambda x: x[:, 0] ** 2 - x[:, 1] ** 2),
    "waves": (2, lambda x: np.sin(3 * x[:, 0]) * np.cos(2 * x[:, 1])),
    "friedman": (
        5,
        lambda x: np.sin(x[:, 0] * x[:, 1]) + 2 * (x[:, 2] - 0.5) ** 2 + x[:, 3] + 0.5 * x[:, 4],
    ),
    "product": (4, lambda x: x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3]),
}


class Clock(Callback):
    """Seconds and the lowest loss after each epoch."""

    def on_train_begin(self, logs: dict) -> None:
        self.begun, self.seen = time.perf_counter(), []

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        lowest = min(logs["loss"], self.seen[-1][1]) if self.seen else logs["loss"]
        self.seen.append((time.perf_counter() - self.begun, lowest))


def trained(task: str, optimizer: Any, seconds: float, batch_size: int | None = None) -> list[tuple[float, float]]:
    """Seconds and the lowest loss after each epoch; without a `batch_size` each takes all rows at once."""
    features, function = TASKS[task]
    x = np.random.default_rng(0).uniform(-1, 1, (ROWS, features))
    y = function(x)[:, None]
    clock = Clock()
    options: dict[str, Any]
    for options in ({"epochs": 1}, {"epochs": 10**6, "max_time": seconds, "callbacks": [clock]}):  # the first warms up
        model = Sequential([Input((features,)), Dense(UNITS, "tanh"), Dense(1)], seed=0, dtype="float64")
        model.compile(optimizer, "mse")
        model.fit(x, y, verbose=0, batch_size=batch_size, **options)
    return clock.seen


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=2, help="of each training")
    parser.add_argument("--tasks", nargs="*", choices=[*TASKS], default=[*TASKS])
    options = parser.parse_args(arguments)
    print(f"{'task':10}{'Adam loss':>11}{'s':>7}{'LM s to it':>12}{'times':>7}{'LM loss':>11}")
    for task in options.tasks:
        runs = [trained(task, {"Adam": {"learning_rate": rate}}, options.seconds, BATCH) for rate in (0.003, 0.02)]
        adam = min(runs, key=lambda seen: seen[-1][1])
        target = adam[-1][1]
        taken = next(seconds for seconds, lowest in adam if lowest == target)
        newton = trained(task, "LevenbergMarquardt", options.seconds)
        reached = next((seconds for seconds, lowest in newton if lowest <= target), float("nan"))
        row = f"{task:10}{target:11.1e}{taken:7.2f}{reached:12.3f}{taken / reached:7.0f}{newton[-1][1]:11.1e}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
