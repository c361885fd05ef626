"""Fits and predictions of one row, beside scikit-learn's MLP with the same layers, batches and epochs.

`python -m benchmarks estimators`. Contestants take turns; a ratio is the median over rounds of the two times of one
round. Features are standardised beforehand, and the log-loss on the training rows is shown, so that nobody is fast by
doing less.
"""

import argparse
import datetime
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.report import around_markers, table, where, write_between_markers
from benchmarks.runner import ROOT, machine, quartiles, ratio

DOCUMENT, SECTION = ROOT / "docs" / "tables.md", "estimators"
HIDDEN, BATCH = 100, 32
CALLS = 300  # predictions a round
BARE = "validate_data and bare products"
PEER = "scikit-learn, MLPClassifier"
OWN = ("nnlite, NNClassifier", "nnlite, MLPClassifier")


@dataclass(frozen=True)
class Case:
    """A table, and for how many epochs it is trained on."""

    title: str
    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    epochs: int

    def data(self, dtype: str) -> tuple[np.ndarray, np.ndarray]:
        """Standardised features, constant ones left at 0, and codes of classes."""
        X, y = self.load()
        spread = X.std(axis=0)
        return ((X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)).astype(dtype), y


def bundled(name: str) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """The loader of a data set of scikit-learn."""

    def load():
        from sklearn import datasets

        return getattr(datasets, f"load_{name}")(return_X_y=True)

    return load


def made() -> tuple[np.ndarray, np.ndarray]:
    """5,000 rows of 8 features, two classes."""
    from sklearn.datasets import make_classification

    table: Any = make_classification(5_000, 8, n_informative=6, random_state=0)
    return table


CASES = {
    "iris": Case("iris, 150 x 4", bundled("iris"), 50),
    "digits": Case("digits, 1,797 x 64", bundled("digits"), 20),
    "made": Case("made up, 5,000 x 8", made, 10),
}


def estimators(epochs: int) -> dict[str, Any]:
    """The contestants, not yet fitted: one hidden layer of ReLU, Adam at 0.001, no stopping before the end."""
    from sklearn.neural_network import MLPClassifier

    from nnlite import NNClassifier
    from nnlite.estimators import MLPClassifier as DropIn

    shared: dict[str, Any] = {"hidden_layer_sizes": (HIDDEN,), "activation": "relu", "batch_size": BATCH}
    as_scikit_learn = {**shared, "max_iter": epochs, "n_iter_no_change": epochs, "random_state": 0}
    own = NNClassifier(
        **shared,
        n_members=1,
        dropout=0.0,
        optimizer="adam",
        learning_rate=1e-3,
        epochs=epochs,
        early_stopping=False,
        random_state=0,
    )
    return {PEER: MLPClassifier(**as_scikit_learn), OWN[0]: own, OWN[1]: DropIn(**as_scikit_learn)}


def take_turns(actions: Mapping[str, Callable[[], Any]], rounds: int, calls: int = 1) -> dict[str, list[float]]:
    """Seconds of a call of each action in each round; the first round is thrown away, nobody always goes first."""
    names = list(actions)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            for _ in range(calls):
                actions[name]()
            seconds[name].append((time.perf_counter() - start) / calls)
    return {name: own[1:] for name, own in seconds.items()}


def bare(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The least that a prediction costs: scikit-learn's check of the row, and the products of its fitted MLP."""
    from sklearn.utils.validation import validate_data

    (kernel, last_kernel), (bias, last_bias) = model.coefs_, model.intercepts_

    def predict(row):
        row = validate_data(model, row, reset=False)
        return np.maximum(row @ kernel + bias, 0) @ last_kernel + last_bias

    return predict


def measure(case: Case, rounds: int, dtype: str) -> dict[str, Any]:
    """Seconds of fits and of predictions of one row by contestant, and the log-loss of each after its fit."""
    from sklearn.metrics import log_loss

    X, y = case.data(dtype)
    models = estimators(case.epochs)
    fits = take_turns({name: lambda model=model: model.fit(X, y) for name, model in models.items()}, rounds)
    losses = {name: float(log_loss(y, model.predict_proba(X))) for name, model in models.items()}
    row, forward = X[:1], bare(models[PEER])
    actions = {BARE: lambda: forward(row)}
    actions |= {name: lambda model=model: model.predict(row) for name, model in models.items()}
    return {"case": case.title, "fits": fits, "losses": losses, "predictions": take_turns(actions, rounds, CALLS)}


def markdown(results: Mapping[str, Any]) -> str:
    """A table of fits and one of predictions."""
    found = results["results"]
    how = f"{results['dtype']}; kernels by {results['kernels']}; {HIDDEN} hidden units, batches of {BATCH}"
    head = f"{where(results)}; {how}."
    fits = "Milliseconds of a fit: median (lower to upper quartile); in brackets the log-loss on the training rows.\n\n"
    rows = "Microseconds of `predict` of one row: median (lower to upper quartile).\n\n"
    return "\n\n".join([head, fits + _fits(found), rows + _predictions(found)]) + "\n"


def _fits(found):
    rows = [["fit", PEER, *OWN, *(f"scikit-learn / {name}" for name in OWN)]]
    for case in found:
        seconds = case["fits"]
        cells = [f"{_spread(seconds[name], 1e3)} [{case['losses'][name]:.3f}]" for name in (PEER, *OWN)]
        rows.append([case["case"], *cells, *(f"{ratio(seconds[PEER], seconds[name]):.2f}" for name in OWN)])
    return table(rows)


def _predictions(found):
    rows = [["predict one row", BARE, PEER, *OWN, *(f"{name}, above bare" for name in OWN)]]
    for case in found:
        seconds = case["predictions"]
        cells = [_spread(seconds[name], 1e6) for name in (BARE, PEER, *OWN)]
        rows.append([case["case"], *cells, *(f"{_above(seconds[name], seconds[BARE]) * 1e6:.0f}" for name in OWN)])
    return table(rows)


def _spread(seconds, factor):
    low, middle, high = (f"{value * factor:,.1f}" for value in quartiles(seconds))
    return f"{middle} ({low} to {high})"


def _above(seconds, others):
    """The median over rounds of the difference."""
    return statistics.median(one - other for one, other in zip(seconds, others, strict=True))


def add_to(commands: Any) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("estimators", help="fits and one-row predictions beside scikit-learn's MLP")
    parser.add_argument("--case", action="append", choices=CASES, metavar="NAME", help="may be repeated")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64", help="of the features")
    parser.add_argument("--kernels", choices=["numpy", "numba"], default="numpy", help="of nnlite; %(default)s")
    parser.add_argument("--docs", action="store_true", help=f"write the tables into {DOCUMENT.name}")
    parser.set_defaults(act=_act)


def _act(options: argparse.Namespace) -> None:
    from threadpoolctl import threadpool_limits

    from nnlite import kernels

    if options.docs:
        around_markers(DOCUMENT, SECTION)  # before time is spent
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    results = {"date": today, "machine": machine(), "threads": 1, "rounds": options.rounds, "dtype": options.dtype}
    results["kernels"] = {"numpy": "NumPy", "numba": "Numba"}[options.kernels]
    kernels.use(options.kernels)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        cases = [CASES[name] for name in options.case or CASES]
        results["results"] = [measure(case, options.rounds, options.dtype) for case in cases]
    text = markdown(results)
    print(text)
    if options.docs:
        write_between_markers(DOCUMENT, SECTION, text)
