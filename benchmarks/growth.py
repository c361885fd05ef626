"""How the time of a training step grows with width, depth and batch, and its memory with the activations.

A straight line `overhead + slope * work` is laid through each series so that relative deviations are small. A bare
product is itself off such a line: small ones keep the processor less busy, large ones wait for memory. So the same is
done for the floor, and nnlite is also held against a straight line in the floor's time instead of multiply-adds.
"""

import statistics

import numpy as np

from benchmarks.cases import grown
from benchmarks.report import NAMES, table, where
from benchmarks.runner import KERNELS, entrants, prepared, ratio, take_turns

SERIES = {
    "width": [64, 128, 256, 512, 1024, 2048],
    "depth": [2, 4, 8, 16, 32, 64],
    "batch": [1, 4, 16, 64, 256, 1024, 4096],
}
STANDARD = {"width": 128, "depth": 3, "batch": 32}


def measure(options) -> dict:
    """The rows of each series, and why a contestant was left out."""
    found = {"series": {}, "absent": {}}
    for name, sizes in SERIES.items():
        found["series"][name] = _series(name, sizes, options, found["absent"])
    return found


def _series(name, sizes, options, absent) -> list[dict]:
    """One row per size: multiply-adds, activations, and of each contestant seconds per step and bytes that steps take.

    All sizes take turns, so that what else the machine does falls on all of them.
    """
    cases = [grown(**(STANDARD | {name: size})) for size in sizes]
    engines = [*entrants(options), "floor"]
    with prepared([(engine, case) for case in cases for engine in engines], options) as contestants:
        absent |= {own.engine: own.reason for own in contestants if own.reason}
        present = [own for own in contestants if not own.reason]
        seconds = [[answer["seconds"] for answer in answers] for answers in take_turns(present, options.rounds)]
        rows = {
            case.name: {"size": size, "work": case.multiply_adds, "activations": case.activations, "bytes": {}}
            for size, case in zip(sizes, cases, strict=True)
        }
        for own, times in zip(present, seconds, strict=True):
            row = rows[own.case.name]
            row.setdefault("seconds", {})[own.engine] = times
            if own.engine in KERNELS:
                row["bytes"][own.engine] = own.ask("step_memory")["bytes"]
    return list(rows.values())


def line_through(work, values) -> tuple[float, float, float]:
    """`overhead`, `slope` and the largest relative deviation of `overhead + slope * work` from positive values."""
    work, values = np.asarray(work, float), np.asarray(values, float)
    terms = np.stack([1 / values, work / values], axis=1)  # relative deviations count
    overhead, slope = np.linalg.lstsq(terms, np.ones(len(values)), rcond=None)[0]
    return overhead, slope, float(abs((overhead + slope * work) / values - 1).max())


def median_seconds(rows, engine) -> list[float]:
    """Of one contestant, for each size."""
    return [statistics.median(row["seconds"][engine]) for row in rows]


def markdown(results, picture=None) -> str:
    """A table per series, how far all are off a straight line, and the picture if there is one."""
    standard = ", ".join(f"{name} {size}" for name, size in STANDARD.items())
    parts = [f"{where(results)}; {standard} where nothing else is said; depth counts hidden layers."]
    if picture:
        parts.append(f"![Step time against multiply-adds, memory against activations]({picture})")
    parts += [_series_table(name, rows) for name, rows in results["series"].items()]
    parts.append(_deviations(results["series"]))
    parts += [f"Left out: {NAMES.get(name, name)}: {reason}" for name, reason in results["absent"].items()]
    return "\n\n".join(parts) + "\n"


def _series_table(name, rows):
    engines = list(rows[0]["seconds"])
    own = list(rows[0]["bytes"])
    cells = [
        [
            name,
            "million multiply-adds",
            *(f"{NAMES.get(engine, engine)}, us" for engine in engines),
            *(f"{NAMES[engine]} / floor" for engine in own),
            "thousand activations",
            *(f"{NAMES[engine]}, MiB" for engine in own),
        ]
    ]
    for row in rows:
        seconds = row["seconds"]
        cells.append(
            [
                str(row["size"]),
                f"{row['work'] / 1e6:,.1f}",
                *(f"{statistics.median(seconds[engine]) * 1e6:,.1f}" for engine in engines),
                *(f"{ratio(seconds[engine], seconds['floor']):.2f}" for engine in own),
                f"{row['activations'] / 1e3:,.1f}",
                *(f"{row['bytes'][engine] / 2**20:.2f}" for engine in own),
            ]
        )
    return table(cells)


def _deviations(series):
    """How far each contestant is off a straight line over each series."""
    cells = [["over", "of", "overhead, us", "us per million multiply-adds", "off", "off by floor's time", "memory off"]]
    for name, rows in series.items():
        work, floor = [row["work"] for row in rows], median_seconds(rows, "floor")
        for engine in rows[0]["seconds"]:
            seconds = median_seconds(rows, engine)
            overhead, slope, off = line_through(work, seconds)
            numbers = [f"{overhead * 1e6:.0f}", f"{slope * 1e12:.1f}", f"{off:.0%}", "-", "-"]
            if engine in rows[0]["bytes"]:
                sizes = [row["activations"] for row in rows], [row["bytes"][engine] for row in rows]
                numbers[3:] = [f"{line_through(*pair)[2]:.0%}" for pair in ((floor, seconds), sizes)]
            cells.append([name, NAMES.get(engine, engine), *numbers])
    return (
        "The straight line through each series, and how far a time is off it at most; how far off a straight line in "
        "the floor's time instead of multiply-adds; how far a step's memory is off one in the activations.\n\n"
        + table(cells)
    )
