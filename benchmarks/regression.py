"""Ten small regression tasks at equal wall time: Levenberg-Marquardt beside others' optimizers.

    python -m benchmarks.regression [--seconds 1] [--seeds 5] [--tasks sine ...] [--file runs.jsonl]

Every engine trains the same network of one hidden layer of tanh units for so many seconds, in float64, on standardized
inputs and targets: nnlite's Levenberg-Marquardt and Adam, PyTorch's LBFGS, scikit-learn's lbfgs and Adam. Adam, in
batches of 32, has the better one of two learning rates, by the training error. scikit-learn's lbfgs takes no time
limit: it gets as many iterations as fit into the time by the pace of its first ones. Eight functions have no noise;
two sets are real, where Levenberg-Marquardt is `BayesianRegularization`. A third of the rows are held out; errors are
mean squares of standardized targets, medians over the seeds. With a file, runs that it has are not run again.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets

from nnlite import Input, Sequential
from nnlite.layers import Dense

__all__ = ["ENGINES", "TASKS", "data", "run"]

Arrays = tuple[np.ndarray, np.ndarray]
RATES, BATCH, PACE = (0.003, 0.02), 32, 60  # of Adam; iterations by which the pace of lbfgs is measured


class Task(NamedTuple):
    """A function of inputs between -1 and 1, or a real set.

    Args:
        columns, rows, units: numbers of inputs, of rows and of hidden units.
        target: the function, or what loads the set.
        real: whether `target` loads a set.
    """

    columns: int
    rows: int
    units: int
    target: Callable[..., Any]
    real: bool = False

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return (self.columns + 2) * self.units + 1


def _peaks(x: np.ndarray) -> np.ndarray:
    a, b = 3 * x.T
    first = 3 * (1 - a) ** 2 * np.exp(-(a**2) - (b + 1) ** 2)
    second = 10 * (a / 5 - a**3 - b**5) * np.exp(-(a**2) - b**2)
    return first - second - np.exp(-((a + 1) ** 2) - b**2) / 3


def _friedman(x: np.ndarray) -> np.ndarray:
    u = (x + 1) / 2
    return 10 * np.sin(np.pi * u[:, 0] * u[:, 1]) + 20 * (u[:, 2] - 0.5) ** 2 + 10 * u[:, 3] + 5 * u[:, 4]


def _heating(x: np.ndarray) -> np.ndarray:
    """What a house needs, by simple physics: losses by walls, roof, glass and air less the sun's share, not below 0.

    It stands in for the table of energy efficiency, of as many rows and columns, which comes with no library.
    """
    compactness, walls, roof, height, turn, glass, spread, air = ((x + 1) / 2).T
    losses = (1 + walls) * (1.2 - 0.6 * compactness) + 0.8 * (1 + roof) + (2 * glass + 0.5 * air) * (1 + height)
    sun = glass * np.exp(-spread) * (1 + np.cos(np.pi * turn))
    return np.log1p(np.exp(3 * (losses - sun) - 4))


def _cells() -> Arrays:
    table: Any = datasets.load_breast_cancer()
    return np.delete(table.data, 4, axis=1), table.data[:, 4]


TASKS = {
    "sine": Task(1, 500, 20, lambda x: np.sin(4 * x[:, 0])),
    "chirp": Task(1, 500, 30, lambda x: np.sin(3 * (x[:, 0] + 1) ** 2)),
    "bump": Task(2, 1000, 25, lambda x: np.exp(-4 * (x**2).sum(axis=1))),
    "waves": Task(2, 1000, 40, lambda x: np.sin(3 * x[:, 0]) * np.cos(2 * x[:, 1])),
    "peaks": Task(2, 1500, 50, _peaks),
    "friedman": Task(5, 2000, 30, _friedman),
    "products": Task(4, 1000, 40, lambda x: x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3]),
    "heating": Task(8, 768, 20, _heating),
    "diabetes": Task(10, 442, 10, lambda: datasets.load_diabetes(return_X_y=True), real=True),
    "cells": Task(29, 569, 10, _cells, real=True),
}


def data(task: Task, seed: int) -> tuple[Arrays, Arrays]:
    """Rows to learn from and rows held out, standardized by the former."""
    random = np.random.default_rng(seed)
    if task.real:
        x, y = task.target()
    else:
        x = random.uniform(-1, 1, (task.rows, task.columns))
        y = task.target(x)
    order = random.permutation(len(y))
    held, learned = order[: len(y) // 3], order[len(y) // 3 :]
    x = (x - x[learned].mean(axis=0)) / x[learned].std(axis=0)
    y = ((y - y[learned].mean()) / y[learned].std())[:, None]
    return (x[learned], y[learned]), (x[held], y[held])


Predict = Callable[[np.ndarray], np.ndarray]


def _nnlite(task: Task, x: np.ndarray, y: np.ndarray, seed: int, seconds: float, optimizer: Any, **fit: Any) -> Predict:
    model = Sequential([Input((task.columns,)), Dense(task.units, "tanh"), Dense(1)], seed=seed, dtype="float64")
    model.compile(optimizer, "mse")
    with contextlib.redirect_stdout(io.StringIO()):  # which is told that the time is over
        model.fit(x, y, epochs=10**7, max_time=seconds, verbose=0, **fit)
    return lambda new: model.predict(new, verbose=0)[:, 0]


def levenberg_marquardt(task: Task, x: np.ndarray, y: np.ndarray, seed: int, seconds: float) -> Predict:
    """nnlite's Levenberg-Marquardt; Bayesian regularization on real sets."""
    name = "BayesianRegularization" if task.real else "LevenbergMarquardt"
    return _nnlite(task, x, y, seed, seconds, {name: {"min_grad": 0.0}})


def nnlite_adam(task: Task, x: np.ndarray, y: np.ndarray, seed: int, seconds: float, rate: float) -> Predict:
    """nnlite's Adam."""
    return _nnlite(task, x, y, seed, seconds, {"Adam": {"learning_rate": rate}}, batch_size=BATCH)


def sklearn_lbfgs(task: Task, x: np.ndarray, y: np.ndarray, seed: int, seconds: float) -> Predict:
    """scikit-learn's lbfgs, for as many iterations as fit into the time."""
    options = {"activation": "tanh", "solver": "lbfgs", "alpha": 0.0, "tol": 0.0, "max_fun": 10**9}
    taken = 0.0
    for iterations in (5, PACE, None):
        count = iterations or int(PACE * seconds / taken)
        model = _perceptron(task, seed, **options, max_iter=count)
        begun = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there are no more iterations
            model.fit(x, y[:, 0])
        taken = time.perf_counter() - begun
    return model.predict


def sklearn_adam(task: Task, x: np.ndarray, y: np.ndarray, seed: int, seconds: float, rate: float) -> Predict:
    """scikit-learn's Adam."""
    model = _perceptron(task, seed, activation="tanh", alpha=0.0, learning_rate_init=rate, batch_size=BATCH)
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        model.partial_fit(x, y[:, 0])
    return model.predict


def _perceptron(task: Task, seed: int, **options: Any) -> Any:
    from sklearn.neural_network import MLPRegressor

    return MLPRegressor(hidden_layer_sizes=(task.units,), random_state=seed, **options)


def torch_lbfgs(task: Task, x: np.ndarray, y: np.ndarray, seed: int, seconds: float) -> Predict:
    """PyTorch's LBFGS with the strong Wolfe conditions."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    layers = torch.nn.Linear(task.columns, task.units), torch.nn.Tanh(), torch.nn.Linear(task.units, 1)
    model = torch.nn.Sequential(*layers).double()
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.LBFGS(
        model.parameters(), line_search_fn="strong_wolfe", tolerance_grad=0, tolerance_change=0, history_size=10
    )

    def closure() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        return loss

    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        optimizer.step(closure)
    return lambda new: model(torch.from_numpy(new)).detach().numpy()[:, 0]


ENGINES: dict[str, tuple[Callable[..., Predict], tuple[float | None, ...]]] = {
    "LM": (levenberg_marquardt, (None,)),
    "Adam": (nnlite_adam, RATES),
    "torch LBFGS": (torch_lbfgs, (None,)),
    "sklearn lbfgs": (sklearn_lbfgs, (None,)),
    "sklearn Adam": (sklearn_adam, RATES),
}


def run(engine: str, name: str, seed: int, seconds: float) -> tuple[float, float]:
    """Training and held-out error, of the better one of several learning rates."""
    train, rates = ENGINES[engine]
    learned, held = data(TASKS[name], seed)
    errors = []
    for rate in rates:
        predict = train(TASKS[name], *learned, seed, seconds, *(() if rate is None else (rate,)))
        errors.append(tuple(float(np.mean((predict(x) - y[:, 0]) ** 2)) for x, y in (learned, held)))
    return min(errors)


def _runs(tasks: Sequence[str], seeds: int, seconds: float, path: str | None) -> dict[tuple, tuple[float, float]]:
    """All runs, those that the file has and new ones, which are added to it."""
    known: dict[tuple, tuple[float, float]] = {}
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            known = {tuple(key): tuple(errors) for key, errors in map(json.loads, file)}
    for key in ((engine, task, seed, seconds) for task in tasks for seed in range(seeds) for engine in ENGINES):
        if key in known:
            continue
        known[key] = run(*key)
        if path:
            with open(path, "a", encoding="utf-8") as file:
                print(json.dumps([key, known[key]]), file=file)
    return known


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1, help="of each training")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tasks", nargs="*", choices=[*TASKS], default=[*TASKS])
    parser.add_argument("--file", help="where runs are kept, and taken from")
    options = parser.parse_args(arguments)
    known = _runs(options.tasks, options.seeds, options.seconds, options.file)
    print("| task | rows, parameters | " + " | ".join(ENGINES) + " | training error, times lower | held out, times |")
    print("|---" * (len(ENGINES) + 4) + "|")
    for name in options.tasks:
        medians = {
            engine: [
                statistics.median(known[engine, name, seed, options.seconds][part] for seed in range(options.seeds))
                for part in (0, 1)
            ]
            for engine in ENGINES
        }
        ours, others = medians.pop("LM"), list(medians.values())
        cells = [f"{learned:.1e}, {held:.1e}" for learned, held in (ours, *others)]
        times = [min(error[part] for error in others) / ours[part] for part in (0, 1)]
        task = TASKS[name]
        print(
            f"| {name} | {task.rows:,}, {task.parameters} | {' | '.join(cells)} | {times[0]:.3g} | {times[1]:.3g} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
