"""Whole processes: how long an import takes, how long training from start to end, how much is installed.

    python -m benchmarks.whole train|size ENGINE THREADS DIGITS.npz

is what the comparison runs, each in a process of its own.
"""

import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.cases import DIGITS
from benchmarks.peers.worker import ENGINES, keep_to
from benchmarks.runner import FAMILIES, ROOT, THROWN_AWAY, environment, quartiles, ratio

# What a program that trains a net imports; nnlite loads its parts when they are asked for, so the import of a model
# and its layers is measured beside the bare one.
IMPORTS = {
    "nnlite": "import nnlite",
    "nnlite, model and layers": "from nnlite import Sequential, layers",
    "torch": "import torch",
    "jax": "import jax",
    "keras": "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras",
    "sklearn": "from sklearn.neural_network import MLPClassifier",
    "thinc": "import thinc.api",
}
PRINT_SECONDS = "print(time.perf_counter() - start)"
DISTRIBUTIONS = {
    "nnlite": ("nnlite",),
    "torch": ("torch",),
    "jax": ("jax", "jaxlib"),
    "keras": ("keras", "jax", "jaxlib"),
    "sklearn": ("scikit-learn",),
    "thinc": ("thinc",),
}
TITLES = {
    "import": "import, seconds",
    "train": "train scikit-learn's digits 64-128-10, batch 32, 20 epochs, seconds",
    "size": "installed with all it needs, MiB",
}
AIMS = {"import": 4.0, "train": 4.0, "size": None}


def run_whole(kind, options) -> dict:
    """Measure one of `import`, `train`, `size` for nnlite with NumPy alone and all peers."""
    peers = [name for name in options.peers if name in IMPORTS]
    engines = ["nnlite", *(["nnlite, model and layers"] if kind == "import" else []), *peers]
    rounds = 1 if kind == "size" else THROWN_AWAY + min(options.rounds, 10)
    values, reasons = {engine: [] for engine in engines}, {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "digits.npz"
        if kind == "train":
            _write_digits(data)
        for _ in range(rounds):
            for engine in [own for own in engines if own not in reasons]:
                value, reason = _measure(kind, engine, data, options)
                values[engine].append(value)
                if reason:
                    reasons[engine] = reason
    kept = {engine: series[-max(1, rounds - THROWN_AWAY) :] for engine, series in values.items()}
    return {"whole": kind, "threads": options.threads} | _compared(kept, reasons, kind)


def _measure(kind, engine, data, options):
    python = sys.executable if engine.startswith("nnlite") else options.python
    command = [python, "-m", "benchmarks.whole", kind, engine, str(options.threads), str(data)]
    if kind == "import":  # in a process that has imported nothing yet
        command = [python, "-c", f"import time; start = time.perf_counter(); {IMPORTS[engine]}; {PRINT_SECONDS}"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(options.threads, "numpy"))
    seconds = time.perf_counter() - start
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["it stopped without a word"])[-1]
    return seconds if kind == "train" else json.loads(done.stdout.splitlines()[-1]), None


def _compared(values, reasons, kind) -> dict:
    found = {
        engine: {"absent": reasons[engine]} if engine in reasons else {"values": series, "quartiles": quartiles(series)}
        for engine, series in values.items()
    }
    own = values["nnlite"]
    ratios = {
        engine: ratio(values[engine], own)
        for engine in found
        if engine not in reasons and engine in FAMILIES and (kind != "import" or engine in ("torch", "jax", "keras"))
    }
    for engine, value in ratios.items():
        found[engine]["ratio"] = value
    best = min(ratios, key=ratios.get, default=None)
    return {"contestants": found, "best": best, "ratio": ratios.get(best)}


def _write_digits(path):
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    np.savez(path, x=(images / 16).astype(np.float32), y=digits)


def _train(engine, threads, path):
    module, name = ENGINES[engine]
    peer = getattr(importlib.import_module(module), name)(DIGITS, threads)
    data = np.load(path)
    peer.train(data["x"], data["y"], DIGITS.batch, 20, np.random.default_rng(0))


def _mebibytes(engine):
    """What the distributions of an engine take on the disk, with everything that they require."""
    seen, waiting, total = set(), list(DISTRIBUTIONS[engine]), 0
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        files, requirements = _distribution(name)
        total += sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".pyc")
        waiting += [re.match(r"[\w.-]+", line)[0] for line in requirements if "extra ==" not in line]
    return total / 2**20


def _distribution(name):
    """The files and requirements of a distribution, none of one that this system does not need."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        if name != "nnlite":
            return [], []
        text = (ROOT / "pyproject.toml").read_text()
        listed = re.search(r"^dependencies = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)[1]
        return list((ROOT / "nnlite").rglob("*")), re.findall(r'"(.*?)"', listed)
    return [Path(found.locate_file(file)) for file in found.files or []], found.requires or []


if __name__ == "__main__":
    kind, engine, threads, path = sys.argv[1:]
    keep_to(int(threads))
    if kind == "train":
        _train(engine, int(threads), path)
    else:
        print(json.dumps(_mebibytes(engine)))
