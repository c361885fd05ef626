"""How the time of a training step grows with width, depth and batch, and its memory with the batch.

A straight line `overhead + work * multiply-adds` is laid through the times of each series so that relative deviations
are small; the same is done for the floor, whose deviations are those of the matrix library and of the memory.
"""

import functools
import statistics
import time
import tracemalloc

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.cases import Case, dense
from benchmarks.floor import Floor
from benchmarks.report import table, write_between_markers
from benchmarks.runner import THROWN_AWAY

SERIES = {
    "width": [64, 128, 256, 512, 1024, 2048],
    "depth": [2, 4, 8, 16, 32, 64],
    "batch": [1, 4, 16, 64, 256, 1024, 4096],
}
STANDARD = {"width": 128, "depth": 3, "batch": 32}
ROUND = 0.03  # seconds, about


def case_of(width, depth, batch) -> Case:
    """A net of `depth` hidden layers of `width` units."""
    return Case(f"{width}-{depth}-{batch}", "", (width,), dense(*[width] * depth, 10), batch, 1)


def run_growth(options, document) -> None:
    """Measure, print, and write what was asked for."""
    if options.kernels:
        from nnlite import kernels

        kernels.use(options.kernels)
    with threadpool_limits(options.threads):
        found = {name: measure(name, options) for name in SERIES}
    text = markdown(found, options.threads)
    print(text)
    if options.docs:
        write_between_markers(document, f"growth {options.threads}", text)
    if options.plot:
        plot(found, options.plot)


def measure(name, options) -> list[dict]:
    """One row per size: multiply-adds, seconds of nnlite and of the floor, bytes that a step takes at most.

    All sizes take turns, so that what else the machine does falls on all of them.
    """
    cases = [case_of(**(STANDARD | {name: size})) for size in SERIES[name]]
    runners = [_runners(case, options.threads) for case in cases]
    for _ in range(THROWN_AWAY + options.rounds):
        for own in runners:
            for step, repeats, seconds in own.values():
                start = time.perf_counter()
                for _ in range(repeats):
                    step()
                seconds.append((time.perf_counter() - start) / repeats)
    return [
        {"size": size, "work": case.multiply_adds, "bytes": _peak(own["nnlite"][0])}
        | {who: statistics.median(seconds[THROWN_AWAY:]) for who, (_, _, seconds) in own.items()}
        for size, case, own in zip(SERIES[name], cases, runners, strict=True)
    ]


def _runners(case, threads):
    """For nnlite and the floor: a step, how many of them fill a round, and a list for their seconds."""
    from benchmarks.peers.with_nnlite import NNLite

    found, (x, y) = {}, case.example(0)
    for name, kind in (("nnlite", NNLite), ("floor", Floor)):
        step = functools.partial(kind(case, threads).step, x, y)
        step()
        start = time.perf_counter()
        step()
        found[name] = (step, max(1, int(ROUND / (time.perf_counter() - start))), [])
    return found


def _peak(step):
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def line_through(work, values) -> tuple[float, float, float]:
    """`overhead`, `slope` and the largest relative deviation of `overhead + slope * work` from positive values."""
    work, values = np.asarray(work, float), np.asarray(values, float)
    terms = np.stack([1 / values, work / values], axis=1)  # relative deviations count
    overhead, slope = np.linalg.lstsq(terms, np.ones(len(values)), rcond=None)[0]
    return overhead, slope, float(abs((overhead + slope * work) / values - 1).max())


def markdown(found, threads) -> str:
    """One table per series."""
    parts = [f"Growth, {threads} thread{'s' if threads > 1 else ''}; {STANDARD} where nothing else is said."]
    for name, rows in found.items():
        cells = [[name, "million multiply-adds", "nnlite, us", "floor, us", "nnlite / floor", "step's memory, MiB"]]
        for row in rows:
            numbers = [row["work"] / 1e6, row["nnlite"] * 1e6, row["floor"] * 1e6]
            ratio = row["nnlite"] / row["floor"]
            cells.append(
                [str(row["size"]), *(f"{own:,.1f}" for own in numbers), f"{ratio:.2f}", f"{row['bytes'] / 2**20:.2f}"]
            )
        parts += [table(cells), _sentence(name, rows)]
    return "\n\n".join(parts) + "\n"


def _sentence(name, rows):
    work = [row["work"] for row in rows]
    overhead, slope, deviation = line_through(work, [row["nnlite"] for row in rows])
    of_floor = line_through(work, [row["floor"] for row in rows])[2]
    text = (
        f"Over {name}: {overhead * 1e6:.0f} us + {slope * 1e12:.1f} us per million multiply-adds, off by at most "
        f"{deviation:.0%} (the floor: {of_floor:.0%})."
    )
    if name == "batch":
        off = line_through([row["size"] for row in rows], [row["bytes"] for row in rows])[2]
        text += f" Memory over batch: a straight line, off by at most {off:.0%}."
    return text


def plot(found, path) -> None:
    """Step time against multiply-adds, one panel per series, with the fitted lines."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(found), figsize=(12, 3.5))
    for panel, (name, rows) in zip(panels, found.items(), strict=True):
        work = np.array([row["work"] for row in rows])
        for own, marker in (("nnlite", "o"), ("floor", "x")):
            times = [row[own] for row in rows]
            overhead, slope, _ = line_through(work, times)
            (points,) = panel.loglog(work, np.array(times) * 1e6, marker, label=own)
            panel.loglog(work, (overhead + slope * work) * 1e6, "-", color=points.get_color(), linewidth=1)
        panel.set(title=name, xlabel="multiply-adds", ylabel="microseconds per step")
        panel.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)
