"""Monotone networks: pairs and boxes in which they could go the wrong way, and their accuracy beside LightGBM's.

    python -m benchmarks.monotone [--splits 10] [--pairs 1000000] [--sets diabetes ...]

On three real sets some columns are bound to raise or to lower the prediction. `NNRegressor` with `monotonic_cst` and
LightGBM with `monotone_constraints`, each with its defaults but for as many trees as early stopping on a fifth of the
rows says, learn two thirds of the rows of each split; R2 is of the others, as means, with the standard error of the
difference. Of random pairs of rows in the box of the data, in which the bound columns of the second are all moved in
their direction, those that a prediction gets wrong by more than rounding (1e-6 of the spread of the targets) are
counted. A chain of `MonotonicDense` is trained on the same rows; bounds of its Jacobian over the whole box must have
the signs. Needs LightGBM; `housing`, California's, is a CSV file that NNLITE_BENCHMARK_HOUSING names.
"""

import argparse
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.metrics import r2_score

from benchmarks.coverage import SETS, Arrays
from benchmarks.tabular.sets import HOUSING
from nnlite import Input, NNRegressor, Sequential
from nnlite.derivatives import box_bounds
from nnlite.layers import MonotonicDense, Normalization

__all__ = ["TABLES", "lightgbm_predictions", "violations", "wrong_slopes"]

ROUNDING, CHUNK = 1e-6, 100_000
Predict = Callable[[np.ndarray], np.ndarray]


class Table(NamedTuple):
    """A set, and the direction of each bound column."""

    load: Callable[[], Arrays]
    directions: dict[int, int]

    def constraints(self, columns: int) -> list[int]:
        """One number for each column."""
        return [self.directions.get(column, 0) for column in range(columns)]


TABLES = {
    # the body mass index, the blood pressure and the logarithm of the triglycerides raise the progression
    "diabetes": Table(lambda: datasets.load_diabetes(return_X_y=True), {2: 1, 3: 1, 8: 1}),
    # the width of a petal grows with its length
    "iris": Table(lambda: SETS["iris"](0), {2: 1}),
    # the value of a district grows with its income
    "housing": Table(lambda: SETS["housing"](0), {7: 1}),
}


def lightgbm_predictions(x: np.ndarray, y: np.ndarray, constraints: list[int], seed: int) -> Predict:
    """LightGBM, with early stopping on a fifth of the rows."""
    import lightgbm

    options: dict[str, Any] = {"monotone_constraints": constraints, "random_state": seed, "verbose": -1, "n_jobs": 1}
    kept, some = np.split(np.random.default_rng(seed).permutation(len(y)), [len(y) // 5])
    stopping = lightgbm.early_stopping(30, verbose=False)
    first = lightgbm.LGBMRegressor(n_estimators=1000, learning_rate=0.05, **options)
    first.fit(x[some], y[some], eval_set=[(x[kept], y[kept])], callbacks=[stopping])
    trees = max(first.best_iteration_, 1)
    return lightgbm.LGBMRegressor(n_estimators=trees, learning_rate=0.05, **options).fit(x, y).predict


def violations(predict: Predict, x: np.ndarray, constraints: list[int], pairs: int, spread: float, seed: int) -> int:
    """How many of so many random pairs in the box of `x` a prediction gets wrong by more than rounding."""
    random, wrong = np.random.default_rng(seed), 0
    low, high, bound = x.min(axis=0), x.max(axis=0), np.array(constraints)
    for start in range(0, pairs, CHUNK):
        first = random.uniform(low, high, (min(CHUNK, pairs - start), x.shape[1]))
        ends = np.where(bound > 0, high, np.where(bound < 0, low, first))
        second = first + random.uniform(size=first.shape) * (ends - first)
        wrong += int((predict(second) < predict(first) - ROUNDING * spread).sum())
    return wrong


def wrong_slopes(x: np.ndarray, y: np.ndarray, constraints: list[int], seed: int) -> int:
    """Of a chain of `MonotonicDense`: entries of the Jacobian whose bounds over the whole box have a wrong sign."""
    scaling = Normalization()
    scaling.adapt(x)
    hidden = MonotonicDense(8, monotonicity=constraints, activation="tanh")
    model = Sequential([Input(x.shape[1:]), scaling, hidden, MonotonicDense(1)], seed=seed)
    model.compile("LBFGS", "mse")
    model.fit(x, ((y - y.mean()) / y.std())[:, None], epochs=100, verbose=0)
    bounds, bound = box_bounds(model, x.min(axis=0), x.max(axis=0)), np.array(constraints)
    low, high = (end.reshape(-1) for end in (bounds.slopes_low, bounds.slopes_high))
    return int(((bound > 0) & (low < 0)).sum() + ((bound < 0) & (high > 0)).sum())


def compared(name: str, splits: int, pairs: int) -> None:
    """Print the row of a set."""
    x, y = TABLES[name].load()
    constraints, scores, wrong, slopes = TABLES[name].constraints(x.shape[1]), [], 0, 0
    for seed in range(splits):
        new, old = np.split(np.random.default_rng(seed).permutation(len(y)), [len(y) // 3])
        network = NNRegressor(monotonic_cst=constraints, random_state=seed).fit(x[old], y[old])
        trees = lightgbm_predictions(x[old], y[old], constraints, seed)
        scores.append([r2_score(y[new], predict(x[new])) for predict in (network.predict, trees)])
        wrong += violations(network.predict, x[old], constraints, pairs // splits, float(y.std()), seed)
        slopes += wrong_slopes(x[old], y[old], constraints, seed)
    ours, theirs = np.array(scores).T
    error = (ours - theirs).std() / math.sqrt(splits)
    print(
        f"| {name} | {len(TABLES[name].directions)} of {x.shape[1]} | {ours.mean():.3f} | {theirs.mean():.3f} | "
        f"{(ours - theirs).mean():+.3f} +- {error:.3f} | {wrong} of {pairs // splits * splits:,} | {slopes} |",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    known = [name for name in TABLES if name != "housing" or HOUSING in os.environ]
    parser.add_argument("--sets", choices=[*TABLES], nargs="*", default=known)
    options = parser.parse_args(arguments)
    print("| set | bound columns | nnlite, R2 | LightGBM, R2 | difference | wrong pairs | wrong signs in the box |")
    print("|---|---|---|---|---|---|---|")
    for name in options.sets:
        compared(name, options.splits, options.pairs)


if __name__ == "__main__":
    main()
