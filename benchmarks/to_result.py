"""Whole trainings to a result: seconds from the start of a process to a model on the disk that is good enough.

    python -m benchmarks.to_result ENGINE TASK THREADS FOLDER

is what the comparison runs, each in a process of its own. FOLDER holds the data, and gets the model. All engines have
the same net with the same first weights, Adam with the same numbers and the same batches; each trains, judges the rows
apart after each epoch, and saves, in its own way.
"""

import gzip
import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.cases import CONVNET, DIGITS, Case, dense
from benchmarks.options import some_of
from benchmarks.peers.base import Unsupported
from benchmarks.peers.worker import ENGINES, keep_to
from benchmarks.runner import KERNELS, ROOT, environment, machine, ratio

PEERS = ("torch", "jax", "keras", "sklearn")
NAMES = {"nnlite": "nnlite, NumPy alone", "nnlite fast": "nnlite with fast"}
DATA = "data.npz"
DOCUMENT = ROOT / "docs" / "performance.md"
IMAGE = 28  # pixels of a side


@dataclass(frozen=True)
class Task:
    """What is to be reached.

    Args:
        case: the net, its loss, and the rows of a batch.
        title: for the table.
        wanted: the loss of the rows apart at which training ends.
        epochs: after so many it ends without.
        aim: wanted ratio, seconds of the best engine / nnlite's.
    """

    case: Case
    title: str
    wanted: float
    epochs: int
    aim: float


HOUSES = Case("houses", "", (8,), dense(64, 64, 1), 64, 0, loss="mse")
IMAGES = Case("images", "", (IMAGE, IMAGE, 1), CONVNET, 128, 0)
TASKS = {
    "digits": Task(DIGITS, "scikit-learn's digits, 64-128-10, batch 32, cross-entropy 0.1", 0.1, 60, 3.0),
    "housing": Task(HOUSES, "California housing, 8-64-64-1, batch 64, squared error 0.19", 0.19, 60, 3.0),
    "images": Task(IMAGES, "images 28 x 28, convnet, batch 128, cross-entropy 0.1", 0.1, 20, 1.2),
}


def add_to(commands) -> None:
    """Add the command to a parser's."""
    command = commands.add_parser("whole", help="seconds from the start of a process to a good model on the disk")
    command.add_argument("--tasks", type=some_of(list(TASKS)), default=list(TASKS), help=f"of {','.join(TASKS)}; all")
    command.add_argument("--peers", type=some_of(PEERS), default=list(PEERS), help=f"of {','.join(PEERS)}; all")
    command.add_argument("--python", default=sys.executable, help="interpreter of the peers' environment")
    command.add_argument("--threads", type=int, choices=[1, 2], default=1)
    command.add_argument("--rounds", type=int, default=5)
    command.add_argument("--housing", type=Path, help="housing.csv; without it that task is left out")
    command.add_argument("--images", type=Path, help="folder with MNIST's t10k files; digits in larger pixels without")
    command.add_argument("--docs", action="store_true", help=f"write the table into {DOCUMENT.name}")
    command.add_argument("--machine", default="", help="a word for the machine, where the page has several")
    command.set_defaults(act=run)


def run(options) -> None:
    """Measure and print."""
    from benchmarks.report import around_markers, where, write_between_markers  # not in the processes that are timed

    section = f"whole {options.threads} {options.machine}".strip()
    if options.docs:
        around_markers(DOCUMENT, section)  # before minutes are spent
    about = {
        "date": date.today().isoformat(),
        "machine": machine(),
        **{name: getattr(options, name) for name in ("threads", "rounds")},
    }
    tasks = [name for name in options.tasks if name != "housing" or options.housing]
    left_out = [f"{name}: --housing is not given" for name in options.tasks if name not in tasks]
    rows = []
    for name in tasks:
        with tempfile.TemporaryDirectory() as folder:
            _write_data(name, Path(folder), options)
            results, reasons = _rounds(name, Path(folder), options)
        rows.append(_row(TASKS[name], results, options.peers))
        left_out += [f"{name}, {engine}: {reason}" for engine, reason in reasons.items()]
    text = f"{where(about)} by turns.\n\n{_table(rows, options)}\n" + "".join(
        f"\n- left out: {reason}" for reason in left_out
    )
    print(text)
    if options.docs:
        write_between_markers(DOCUMENT, section, text)


def _rounds(task, folder, options) -> tuple[dict, dict]:
    """For each engine its answers, and for those that take no part the reason; engines take turns."""
    engines, reasons = [*KERNELS, *options.peers], {}
    results: dict[str, list[dict]] = {engine: [] for engine in engines}
    for number in range(options.rounds + 1):
        for engine in [own for own in engines if own not in reasons]:
            answer = _measure(engine, task, folder, options)
            if "absent" in answer:
                reasons[engine] = answer["absent"]
            elif number:  # the first time files come from the disk, and compiled code is made
                results[engine].append(answer)
            print(f"{task} {engine} {answer}", file=sys.stderr, flush=True)
    return {engine: own for engine, own in results.items() if own}, reasons


def _measure(engine, task, folder, options) -> dict:
    command = [options.python, "-m", "benchmarks.to_result", engine, task, str(options.threads), str(folder)]
    kernels = {"nnlite": "numpy", "nnlite fast": "auto"}.get(engine)  # with `fast` installed, Numba where it pays
    surroundings = environment(options.threads, kernels)
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=surroundings
    ) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        errors = process.communicate()[1]
    if not line:
        return {"absent": (errors.strip().splitlines() or ["it stopped without a word"])[-1]}
    return json.loads(line) | {"seconds": seconds}


def _row(task, results, peers) -> dict:
    """Seconds, epochs and losses of each engine, and the ratios of the best one that reached what was wanted."""
    seconds = {engine: [answer["seconds"] for answer in own] for engine, own in results.items()}
    reached = [own for own in peers if own in results and all(answer["reached"] for answer in results[own])]
    best = min(reached, key=lambda engine: statistics.median(seconds[engine]), default=None)
    ratios = {own: ratio(seconds[best], seconds[own]) for own in KERNELS if best and own in results}
    cells = {
        engine: f"{statistics.median(seconds[engine]):.2f} s, {answers[-1]['epochs']} epochs"
        + ("" if answers[-1]["reached"] else f", only {answers[-1]['loss']:.3f}")
        for engine, answers in results.items()
    }
    return {"task": task, "cells": cells, "best": best, "ratios": ratios}


def _table(rows, options) -> str:
    engines = [*KERNELS, *options.peers]
    lines = [
        "| task | " + " | ".join(NAMES.get(engine, engine) for engine in engines) + " | best engine / nnlite (aim) |",
        "|---" * (len(engines) + 2) + "|",
    ]
    for row in rows:
        ratios = "; ".join(f"{NAMES[own]} {value:.2f}" for own, value in row["ratios"].items())
        cells = [row["cells"].get(engine, "") for engine in engines]
        lines.append(f"| {row['task'].title} | {' | '.join(cells)} | {row['best']}: {ratios} ({row['task'].aim:g}) |")
    return "\n".join(lines)


def _write_data(task, folder, options) -> None:
    """Rows in a random order, and for validation a fifth of them."""
    x, y = {"digits": _digits, "housing": _houses, "images": _images}[task](options)
    order = np.random.default_rng(0).permutation(len(x))
    held, rest = np.split(order, [len(x) // 5])
    np.savez(folder / DATA, x=x[rest], y=y[rest], held_x=x[held], held_y=y[held])


def _digits(options):
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    return (images / 16).astype(np.float32), classes


def _houses(options):
    """Eight columns of numbers and the logarithm of the price, standardized; rows with a gap are left out."""
    table = np.genfromtxt(options.housing, delimiter=",", skip_header=1, usecols=range(9))
    table = table[~np.isnan(table).any(axis=1)]
    table[:, 3:7] = np.log(table[:, 3:7])
    table[:, 8] = np.log(table[:, 8])
    table = ((table - table.mean(axis=0)) / table.std(axis=0)).astype(np.float32)
    return table[:, :8].copy(), table[:, 8:].copy()


def _images(options):
    if options.images is None:
        rows, classes = _digits(options)
        larger = np.kron(rows.reshape(-1, 8, 8), np.ones((3, 3), np.float32))
        return np.pad(larger, ((0, 0), (2, 2), (2, 2)))[..., None], classes
    pixels, classes = (
        np.frombuffer(gzip.decompress((options.images / f"t10k-{name}-ubyte.gz").read_bytes()), np.uint8, offset=start)
        for name, start in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return pixels.reshape(-1, IMAGE, IMAGE, 1).astype(np.float32) / 255, classes.astype(np.int64)


def _train(engine, task, threads, folder) -> dict:
    """Build, train, save: what a process does."""
    module, name = ENGINES["nnlite" if engine in KERNELS else engine]  # that with `fast` would always load Numba
    peer = getattr(importlib.import_module(module), name)(task.case, threads)
    with np.load(folder / DATA) as data:
        x, y, held_x, held_y = (data[name] for name in ("x", "y", "held_x", "held_y"))
    losses = peer.train_until(task.wanted, x, y, held_x, held_y, task.epochs)
    peer.save(folder)
    return {"epochs": len(losses), "loss": losses[-1], "reached": losses[-1] <= task.wanted}


def main(engine, task, threads, folder) -> None:
    keep_to(int(threads))
    try:
        answer = _train(engine, TASKS[task], int(threads), Path(folder))
    except (ImportError, Unsupported) as error:
        answer = {"absent": str(error)}
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
