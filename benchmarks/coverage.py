"""How many new targets prediction intervals hold: eight real sets, repeated splits, each method beside the level.

    python -m benchmarks.coverage [--splits 20] [--level 0.9] [--of estimators models peers] [--sets diabetes ...]

`peers` are MAPIE's split conformal intervals and CV+ around scikit-learn's network of as many units as that of the
regressor, and a quantile regression by boosted trees, as it is and with MAPIE's correction; they need MAPIE, 1.0 or
later, and are asked for by name.

The sets come with scikit-learn, but for `housing`, California's, whose CSV file NNLITE_BENCHMARK_HOUSING names. Sets of
classes are measured columns by the others. A third of the rows of each split are new. For a method that holds its
level, the number of held targets of a set differs from that of the level by what the splits draw; the last lines have
the mean over the sets and twice its standard error. Four made sets, with noise of a known law, run by their names.
"""

import argparse
import csv
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import datasets

from benchmarks.tabular.sets import HOUSING
from nnlite import Input, NNRegressor, Sequential
from nnlite.layers import Dense, Normalization

__all__ = ["MADE", "SETS", "coverage", "estimator_intervals", "model_intervals", "split"]

Arrays = tuple[np.ndarray, np.ndarray]
Intervals = dict[str, tuple[np.ndarray, np.ndarray]]

PENALTY, DAMPING = {"L2": {"l2": 0.005}}, 1e-3  # of the models; the estimators have their defaults


def _column(load: Callable, target: int) -> Arrays:
    """One measured column of a table of classes by the others."""
    table = load().data
    return np.delete(table, target, axis=1), table[:, target]


def _digits() -> Arrays:
    """The digit, as a number, by half of the pixels of 900 pictures."""
    table: Any = datasets.load_digits()
    return table.data[:900, 1::2], table.target[:900].astype(float)


def _housing() -> Arrays:
    """The logarithm of the value by the columns of numbers, of 1,200 districts; 0 for a gap."""
    with open(os.environ[HOUSING], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name != "ocean_proximity"]
    table = np.array([[float(row[name] or 0) for name in columns] for row in rows])
    chosen = np.random.default_rng(0).permutation(len(table))[:1200]
    place = columns.index("median_house_value")
    return np.delete(table[chosen], place, axis=1), np.log(table[chosen, place])


SETS: dict[str, Callable[[int], Any]] = {
    "diabetes": lambda seed: datasets.load_diabetes(return_X_y=True),
    "iris": lambda seed: _column(datasets.load_iris, 3),
    "sepals": lambda seed: _column(datasets.load_iris, 0),
    "wine": lambda seed: _column(datasets.load_wine, 0),
    "colors": lambda seed: _column(datasets.load_wine, 9),
    "cells": lambda seed: _column(datasets.load_breast_cancer, 4),
    "digits": lambda seed: _digits(),
    "housing": lambda seed: _housing(),
}
MADE: dict[str, Callable[[int], Any]] = {
    "friedman1": lambda seed: datasets.make_friedman1(400, noise=1.0, random_state=seed),
    "friedman2": lambda seed: datasets.make_friedman2(400, noise=50.0, random_state=seed),
    "friedman3": lambda seed: datasets.make_friedman3(400, noise=0.1, random_state=seed),
    "sparse": lambda seed: datasets.make_sparse_uncorrelated(400, random_state=seed),
}


def split(name: str, seed: int) -> tuple[Arrays, Arrays]:
    """The rows to learn from, and a third that are new."""
    x, y = {**SETS, **MADE}[name](seed)
    order = np.random.default_rng(seed).permutation(len(y))
    new, old = order[: len(y) // 3], order[len(y) // 3 :]
    return (x[old], y[old]), (x[new], y[new])


def estimator_intervals(learnt: Arrays, new: np.ndarray, level: float, seed: int, epochs: int = 40) -> Intervals:
    """Those of `NNRegressor` with five members and folds, or as many members as rows where these are few."""
    options = {"hidden_layer_sizes": (32, 32), "epochs": epochs, "random_state": seed}
    members = 5 if len(learnt[1]) >= 20 else len(learnt[1])
    model = NNRegressor(**options, n_members=members).fit(*learnt)
    return {method: model.predict_interval(new, level, method=method) for method in ("conformal", "cv+")}


def model_intervals(learnt: Arrays, new: np.ndarray, level: float, seed: int) -> Intervals:
    """Those of `model.uncertainty`, for a small network trained by Levenberg-Marquardt with a penalty."""
    x, y = learnt
    scale = y.std()
    scaling = Normalization()
    scaling.adapt(x)
    layers = [scaling, Dense(5, "tanh", kernel_regularizer=PENALTY), Dense(1, kernel_regularizer=PENALTY)]

    def trained(x: np.ndarray, y: np.ndarray) -> Sequential:
        model = Sequential(
            [Input(x.shape[1:]), *[type(own).from_config(own.get_config()) for own in layers]], seed=seed
        )
        model.layers[0].adapt(x)
        model.compile("LevenbergMarquardt", "mse")
        model.fit(x, y, epochs=60, verbose=0)
        return model

    y = (y - y.mean()) / scale
    everything = trained(x, y).uncertainty(x, y, damping=DAMPING)
    methods = "delta", "jackknife+", "jackknife-minmax"
    intervals = {method: everything.predict_interval(new, level, method=method) for method in methods}
    some = 2 * len(x) // 3
    kept = trained(x[:some], y[:some]).uncertainty(x[:some], y[:some], damping=DAMPING)
    kept.calibrate(x[some:], y[some:])
    intervals["split conformal"] = kept.predict_interval(new, level, method="conformal")
    mean = learnt[1].mean()
    return {name: tuple(end[:, 0] * scale + mean for end in ends) for name, ends in intervals.items()}


def peer_intervals(learnt: Arrays, new: np.ndarray, level: float, seed: int) -> Intervals:
    """Those of MAPIE around scikit-learn's perceptron, and of two quantile regressions by boosted trees."""
    from mapie.regression import ConformalizedQuantileRegressor, CrossConformalRegressor, SplitConformalRegressor
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = learnt
    network = MLPRegressor(hidden_layer_sizes=(32, 32), early_stopping=True, max_iter=400, random_state=seed)
    scaled = TransformedTargetRegressor(make_pipeline(StandardScaler(), network), transformer=StandardScaler())
    order = np.random.default_rng(seed).permutation(len(y))
    some, rest = order[: 2 * len(y) // 3], order[2 * len(y) // 3 :]
    split = SplitConformalRegressor(scaled, level, prefit=False).fit(x[some], y[some]).conformalize(x[rest], y[rest])
    crossed = CrossConformalRegressor(scaled, level, cv=5, random_state=seed).fit_conformalize(x, y)
    edges = (1 - level) / 2, (1 + level) / 2
    trees = [
        HistGradientBoostingRegressor(loss="quantile", quantile=edge, max_iter=100, random_state=seed)
        for edge in (*edges, 0.5)
    ]
    quantiles = [own.fit(x[some], y[some]) for own in trees]
    corrected = ConformalizedQuantileRegressor(quantiles, level, prefit=True).conformalize(x[rest], y[rest])
    ends = {"MAPIE, split": split, "MAPIE, CV+": crossed, "quantiles, MAPIE": corrected}
    intervals = {name: tuple(own.predict_interval(new)[1][:, :, 0].T) for name, own in ends.items()}
    return intervals | {"quantiles": tuple(own.fit(x, y).predict(new) for own in trees[:2])}


MAKERS: dict[str, Callable[..., Intervals]] = {
    "estimators": estimator_intervals,
    "models": model_intervals,
    "peers": peer_intervals,
}


def coverage(
    name: str, level: float, splits: int, make: Callable[..., Intervals]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """For each method its name, and per split the share of new targets that are held, and the mean width over that of
    the targets' own interval of the level."""
    held: dict[str, list[float]] = {}
    widths: dict[str, list[float]] = {}
    for seed in range(splits):
        learnt, (x, y) = split(name, seed)
        spread = np.quantile(learnt[1], 0.5 + level / 2) - np.quantile(learnt[1], 0.5 - level / 2)
        for method, (low, high) in make(learnt, x, level, seed).items():
            held.setdefault(method, []).append(float(((low <= y) & (y <= high)).mean()))
            widths.setdefault(method, []).append(float((high - low).mean() / spread))
    for method in held:
        yield method, np.array(held[method]), np.array(widths[method])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--of", choices=[*MAKERS], nargs="*", default=["estimators", "models"])
    known = [name for name in SETS if name != "housing" or HOUSING in os.environ]
    parser.add_argument("--sets", choices=[*SETS, *MADE], nargs="*", default=known)
    arguments = parser.parse_args()
    shares: dict[str, dict[str, tuple[np.ndarray, float]]] = {}
    for make in (MAKERS[name] for name in arguments.of):
        for name in arguments.sets:
            for method, held, widths in coverage(name, arguments.level, arguments.splits, make):
                shares.setdefault(method, {})[name] = held, float(widths.mean())
                error = held.std() / math.sqrt(len(held))
                print(f"{name:12}{method:18}{held.mean():7.3f}{error:7.3f}{widths.mean():7.2f}", flush=True)
    for method, sets in shares.items():
        means = np.array([held.mean() for held, _ in sets.values()])
        error = math.sqrt(sum(held.var() / len(held) for held, _ in sets.values())) / len(sets)
        width = np.mean([width for _, width in sets.values()])
        print(f"{'all':12}{method:18}{means.mean():7.3f} +- {2 * error:.3f}, width {width:.2f}")


if __name__ == "__main__":
    main()
