"""Training on a CSV file that is larger than memory should be: rows a second, and the most memory that was resident.

`python -m benchmarks storage --gigabytes 2`. A seeded file with 13 columns of numbers and two of categories is
written into a temporary folder; a process of its own streams it, trains a net of 64-64 for an epoch in batches of 256,
and measures it. Rates count the time of the wall clock; the file goes when the measurement is done.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import table
from benchmarks.runner import ROOT, machine

NUMBERS, CITIES, PLANS = 13, 40, ("free", "pro", "team", "")
ROWS_AT_ONCE = 20_000
CONFIG = {
    "data": {"source": {"Csv": {"target": "y", "categorical": ["city", "plan"], "stream": True}}},
    "model": [
        {"Dense": {"units": 64, "activation": "relu"}},
        {"Dense": {"units": 64, "activation": "relu"}},
        {"Dense": {"units": 1}},
    ],
    "compile": {"optimizer": "adam", "loss": "mse", "metrics": ["R2Score"]},
    "fit": {"batch_size": 256, "epochs": 1},
    "seed": 0,
}
CODE = """
import json, resource, sys, time
from nnlite.experiment import Experiment, measure

config, out = json.loads(sys.argv[1]), {}
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
experiment, start = Experiment.get(config), time.perf_counter()
out["imports"] = peak()
model, data = experiment.prepare()
out["seconds to encode"], out["peak to encode"] = time.perf_counter() - start, peak()
out["rows"] = {part: len(x) for part, (x, y) in data.parts.items()}
start = time.perf_counter()
history = model.fit(*data.parts["training"], verbose=0, **experiment.fit_arguments(data))
out["seconds of an epoch"], out["peak to train"] = time.perf_counter() - start, peak()
start = time.perf_counter()
out["metrics"] = measure(model, data)
out["seconds to measure"], out["peak"] = time.perf_counter() - start, peak()
print(json.dumps(out))
"""


def write_csv(path: Path, size: int) -> int:
    """Write a CSV file of about `size` bytes; the number of its rows."""
    draw, rows = np.random.default_rng(0), 0
    line = ",".join(["%.5f"] * NUMBERS) + ",city %d,%s,%.5f\n"
    with open(path, "w", encoding="utf-8") as file:
        file.write(",".join([*(f"x{number}" for number in range(NUMBERS)), "city", "plan", "y"]) + "\n")
        while file.tell() < size:
            x = draw.standard_normal((ROWS_AT_ONCE, NUMBERS))
            city, plan = draw.integers(CITIES, size=ROWS_AT_ONCE), draw.integers(len(PLANS), size=ROWS_AT_ONCE)
            y = 2 * x[:, 0] + x[:, 1] * x[:, 2] + city / CITIES + 0.1 * draw.standard_normal(ROWS_AT_ONCE)
            rest = zip(x.tolist(), city.tolist(), plan.tolist(), y.tolist(), strict=True)
            file.writelines(line % (*numbers, where, PLANS[what], target) for numbers, where, what, target in rest)
            rows += ROWS_AT_ONCE
    return rows


def measure(size: int, folder: str | None = None) -> dict[str, Any]:
    """Stream, train and measure a file of about `size` bytes in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="nnlite-benchmark-", dir=folder) as temporary:
        path = Path(temporary, "rows.csv")
        rows = write_csv(path, size)
        config = json.loads(json.dumps(CONFIG))
        config["data"]["source"]["Csv"]["path"] = str(path)
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        done = subprocess.run(
            [sys.executable, "-c", CODE, json.dumps(config)],
            env={**os.environ, **threads, "PYTHONPATH": str(ROOT), "TMPDIR": temporary},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        return {"bytes": path.stat().st_size, "rows": rows, "machine": machine(), "results": json.loads(done.stdout)}


def markdown(found: dict[str, Any]) -> str:
    """The measurement as a table."""
    results, megabyte = found["results"], 1e6
    parts = results["rows"]
    measured = sum(count for part, count in parts.items() if part != "training") or parts["training"]
    steps = [
        ("read twice and encode", found["rows"], "seconds to encode", "peak to encode"),
        ("train for an epoch", parts["training"], "seconds of an epoch", "peak to train"),
        ("measure validation and test", measured, "seconds to measure", "peak"),
    ]
    rows = [("step", "rows", "seconds", "rows a second", "peak resident memory")]
    for title, count, seconds, peak in steps:
        time, memory = results[seconds], results[peak] / megabyte
        rows.append((title, f"{count:,}", f"{time:.1f}", f"{count / time:,.0f}", f"{memory:.0f} MB"))
    about = found["machine"]
    head = f"{found['bytes'] / 1e9:.2f} GB of CSV, {found['rows']:,} rows of {NUMBERS + 3} columns; one thread"
    load = "" if about["load"] is None else f", load {about['load']:.1f} at the end"
    imported = f"After imports {results['imports'] / megabyte:.0f} MB are resident."
    return f"{head}; {about['processor']}{load}. {imported}\n\n{table(rows)}"


def add_to(commands: Any) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("storage", help="a CSV file larger than memory: rows a second, resident memory")
    parser.add_argument("--gigabytes", type=float, default=0.3, help="size of the file (default: 0.3)")
    parser.add_argument("--folder", help="where the file and the encoded rows are for a while; 2.5 times its size")
    parser.add_argument("--out", help="a file for the results as JSON")
    parser.set_defaults(act=_act)


def _act(options: argparse.Namespace) -> None:
    found = measure(int(options.gigabytes * 1e9), options.folder)
    print(markdown(found))
    if options.out:
        Path(options.out).write_text(json.dumps(found))
