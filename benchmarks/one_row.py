"""One raw row, given as a dict, against the compiled network alone on the row as it is encoded.

    python -m benchmarks.one_row [--rounds 400]

20 columns, Dense 64-64, one thread. Every round times each contestant in turn; shown are medians, in microseconds, and
the ratio of `TrainedModel.predict(row)` to `compile_predict`, which should be at most 3, with 150 us at most in all.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CALLS = 5  # per round of what takes microseconds
MOST = 3.0, 150.0
CASES = {
    "numbers, 3 classes": (0, "softmax", "sparse"),
    "numbers, an amount": (0, None, "regression"),
    "5 categories, 3 classes": (5, "softmax", "sparse"),
    "5 categories, 2 classes": (5, "sigmoid", "binary"),
}


def trained_model(categories: int, last: str | None, kind: str) -> tuple[Any, dict[str, Any]]:
    """A trained model for 20 columns, so many of them categories, and a row for it."""
    from nnlite import Input, Sequential
    from nnlite.data import Classes, Columns, Numeric, OneHot, Quantities
    from nnlite.layers import Dense
    from nnlite.trained import TrainedModel

    numbers = 20 - categories
    units = {"sparse": 3}.get(kind, 1)
    model = Sequential(
        [Input((numbers + 3 * categories,)), Dense(64, "relu"), Dense(64, "relu"), Dense(units, last)], seed=0
    )
    encoders = [Numeric(f"n{place}", 0.0, float(place), 2.0) for place in range(numbers)]
    model.encoder = Columns([*encoders, *(OneHot(f"c{place}", ["a", "b", "c"]) for place in range(categories))])
    labels = ["low", "high", "middle"][: max(units, 2)]
    model.target = Quantities(["y"], [3.0], [2.0]) if kind == "regression" else Classes("y", labels, kind)
    cells = np.random.default_rng(0).normal(size=numbers).tolist()
    row: dict[str, Any] = {f"n{place}": cell for place, cell in enumerate(cells)}
    return TrainedModel(model), row | {f"c{place}": "b" for place in range(categories)}


def contestants(trained: Any, row: dict[str, Any]) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is timed, and how many calls of it make a round."""
    compiled, x = trained.model.compile_predict(), trained.encoder.encode([row])
    np.testing.assert_array_equal(trained.predict(row), trained.predict([row]))
    return {
        "compile_predict": (lambda: compiled(x), CALLS),
        "dict": (lambda: trained.predict(row), CALLS),
        "list of one dict": (lambda: trained.predict([row]), 1),
    }


def medians(timed: dict[str, tuple[Callable[[], Any], int]], rounds: int) -> dict[str, float]:
    """Microseconds a call."""
    times: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, (call, calls) in timed.items():
            start = time.perf_counter()
            for _ in range(calls):
                call()
            times[name].append((time.perf_counter() - start) / calls * 1e6)
    return {name: statistics.median(found[rounds // 10 :]) for name, found in times.items()}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args(arguments).rounds
    print(f"{'20 columns, 64-64':26}{'compile_predict':>17}{'dict':>8}{'ratio':>7}{'list of one dict':>19}")
    for name, case in CASES.items():
        found = medians(contestants(*trained_model(*case)), rounds)
        ratio = found["dict"] / found["compile_predict"]
        verdict = "" if ratio <= MOST[0] and found["dict"] <= MOST[1] else "  MISSED"
        shown = (
            f"{found['compile_predict']:15.1f}us{found['dict']:6.1f}us{ratio:7.2f}{found['list of one dict']:17.1f}us"
        )
        print(f"{name:26}{shown}{verdict}")


if __name__ == "__main__":
    main()
