"""What guards cost a training on a table: the same `fit` with all of them and with none, alternately.

    python -m benchmarks.guards [--rounds 40] [--kernels numpy numba] [--seconds 0.4]

Guards of each step: the loss is looked at before weights are changed by it, weights after each epoch, overflow makes no
warning, and numbers that have faded to next to nothing become 0. Guards of a run: checkpoints as `nnlite train` keeps
them, and whatever these remember. The order of the two changes from round to round; what is printed are quartiles of
the ratio of their times in one round, and the bare time of a step. A round of two equal trainings shows the noise.
Times are the processor's, so that others who use it disturb little; waiting for the disk is not in them.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from nnlite import Input, Sequential, kernels
from nnlite.callbacks import Checkpoints
from nnlite.layers import Dense
from nnlite.optimizers.base.slots import Slots
from nnlite.training.train_step import Steps

__all__ = ["CASES", "compared", "main"]

ROWS, FEATURES, BATCH = 20_000, 13, 32
# What is switched on and off: the loss and the weights are looked at; numbers are flushed; checkpoints are kept.
CASES = {
    "none, twice": (False, False, False),
    "finite numbers": (True, False, False),
    "and no subnormal numbers": (True, True, False),
    "and checkpoints": (True, True, True),
}


@contextmanager
def unguarded() -> Iterator[None]:
    """A context in which no number is flushed to 0."""
    with ExitStack() as stack:
        for owner, name in ((Slots, "_flush"), (Steps, "_flush_averages")):
            stack.enter_context(mock.patch.object(owner, name, lambda *_: None))
        yield


def table_model() -> Sequential:
    """A net of 64-64 for a table, compiled."""
    chain = [Input((FEATURES,)), Dense(64, "relu"), Dense(64, "relu"), Dense(1)]
    model = Sequential(chain, seed=0)
    model.compile("adam", "mse")
    return model


def seconds(x: np.ndarray, y: np.ndarray, epochs: int, watched: bool, flushed: bool, kept: bool) -> float:
    """Seconds of the processor that a training of so many epochs takes, from the same weights each time."""
    model = table_model()
    model.train_on_batch(x[:BATCH], y[:BATCH])  # what is made once is made
    with ExitStack() as stack:
        callbacks: list[Any] = []
        if kept:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="nnlite-benchmark-"))
            callbacks.append(Checkpoints(folder))
        if not flushed:
            stack.enter_context(unguarded())
        begun = time.process_time()
        options: dict[str, Any] = {"on_divergence": "stop" if watched else "ignore", "callbacks": callbacks}
        model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, **options)
        return time.process_time() - begun


def compared(case: str, rounds: int, least: float, rows: int = ROWS) -> tuple[list[float], float]:
    """Time with guards by time without, of each round, and the microseconds of a step without.

    Args:
        case: of `CASES`.
        rounds: of two trainings each.
        least: seconds that a training takes about.
        rows: of the table.
    """
    guards = CASES[case]
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, FEATURES)).astype(np.float32)
    y = np.sin(x @ generator.normal(size=(FEATURES, 1))) + generator.normal(size=(rows, 1))
    seconds(x, y, 1, *guards)  # the first is compiled, and finds its memory
    epochs = max(1, round(least / seconds(x, y, 1, False, True, False)))
    ratios, bare = [], []
    for number in range(rounds):
        times = {}
        for on in (True, False) if number % 2 else (False, True):
            watched, flushed, kept = guards
            times[on] = seconds(x, y, epochs, watched and on, on or not flushed, kept and on)
        ratios.append(times[True] / times[False])
        bare.append(times[False] / epochs / -(-rows // BATCH) * 1e6)
    return ratios, statistics.median(bare)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.4, help="of one training")
    parser.add_argument("--kernels", nargs="+", default=["numpy", "numba"], choices=["numpy", "numba"])
    parser.add_argument("--rows", type=int, default=ROWS)
    options = parser.parse_args(arguments)
    print("| kernels | guards | step without, us | with / without: quartiles |\n|---|---|---|---|")
    for kind in options.kernels:
        kernels.use(kind)
        for case in CASES:
            ratios, bare = compared(case, options.rounds, options.seconds, options.rows)
            quartiles = " / ".join(f"{value:.3f}" for value in statistics.quantiles(ratios, n=4))
            print(f"| {kind} | {case} | {bare:.1f} | {quartiles} |", flush=True)


if __name__ == "__main__":
    main()
