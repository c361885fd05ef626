"""A search on one process and on two: `nnlite tune` as a user calls it, alternately, in folders of its own.

    python -m benchmarks.search [--seconds 0.5 2] [--trials 20] [--rounds 1] [--docs]

A seeded CSV file of 4,000 rows and 12 columns is written into a temporary folder, with a config whose trials take about
so many seconds: the number of epochs is found by a short search first. Learning rate and activation are tried; nothing
is pruned, so that both searches train equally long. Times are those of the wall clock, from the start of the command to
its end, with one thread of the matrix library in each process; modules are compiled before, as those of an installed
package are.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import table, where, write_between_markers
from benchmarks.runner import ROOT, machine

__all__ = ["compared", "main"]

DOCUMENT = ROOT / "docs" / "tuning.md"
ROWS, FEATURES = 4_000, 12
CONFIG = """
seed: 0
data: {source: {Csv: {path: rows.csv, target: y}}, split: {validation: 0.2}}
model: [{Dense: {units: 64, activation: relu}}, {Dense: {units: 64, activation: relu}}, {Dense: {units: 1}}]
compile: {optimizer: {Adam: {learning_rate: 1e-3}}, loss: mse}
fit: {epochs: 1, batch_size: 64}
search:
  pruner: none
  space:
    compile.optimizer.Adam.learning_rate: {log_uniform: [1e-4, 1e-2]}
    model.0.Dense.activation: {choice: [relu, tanh]}
"""


def write_inputs(folder: Path) -> None:
    """Write the table and the config of the search into a folder."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((ROWS, FEATURES))
    y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.1 * draw.standard_normal(ROWS)
    names = ",".join([*(f"x{number}" for number in range(FEATURES)), "y"])
    np.savetxt(folder / "rows.csv", np.column_stack([x, y]), "%.5f", ",", header=names, comments="")
    (folder / "search.yaml").write_text(CONFIG)


def search(folder: Path, trials: int, jobs: int, epochs: int) -> tuple[float, list[float]]:
    """Seconds of the command, and those of its trials."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, "-m", "nnlite", "tune", "search.yaml", "--trials", str(trials), "--jobs", str(jobs)]
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = {
            **os.environ,
            **threads,
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        begun = time.perf_counter()
        command += ["--out", out, "--quiet", "--set", f"fit.epochs={epochs}"]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        study = json.loads(Path(out, "study.json").read_text())
    return seconds, [trial["seconds"] for trial in study["trials"]]


def compared(wanted: float, trials: int, rounds: int) -> dict[str, float]:
    """The times of both searches, medians of the rounds, whose order changes."""
    with tempfile.TemporaryDirectory(prefix="nnlite-benchmark-") as temporary:
        folder = Path(temporary)
        write_inputs(folder)
        few, many = (statistics.median(search(folder, 3, 1, epochs)[1]) for epochs in (5, 25))
        epochs = max(round((wanted - few) / (many - few) * 20 + 5), 1)
        times: dict[int, list[float]] = {1: [], 2: []}
        for number in range(rounds):
            for jobs in (1, 2) if number % 2 == 0 else (2, 1):
                seconds, of_trials = search(folder, trials, jobs, epochs)
                times[jobs].append(seconds)
                print(f"{jobs} processes: {seconds:.2f} s, trials of {statistics.median(of_trials):.2f} s", flush=True)
    one, two = (statistics.median(times[jobs]) for jobs in (1, 2))
    return {"epochs": epochs, "one": one, "two": two, "trial": wanted}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.5, 2.0], help="of a trial, about")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--docs", action="store_true", help=f"write the table into {DOCUMENT.name}")
    options = parser.parse_args(arguments)
    rows = [[f"{options.trials} trials of about", "one process", "two processes", "times as fast"]]
    for wanted in options.seconds:
        row = compared(wanted, options.trials, options.rounds)
        times = [f"{row['one']:.1f} s", f"{row['two']:.1f} s", f"{row['one'] / row['two']:.2f}"]
        rows.append([f"{wanted:g} s ({row['epochs']} epochs)", *times])
    head = {"date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(), "machine": machine(), "threads": 1}
    text = f"{table(rows)}\n\n{where({**head, 'rounds': options.rounds})}"
    print(text)
    if options.docs:
        write_between_markers(DOCUMENT, "search", text)


if __name__ == "__main__":
    main()
