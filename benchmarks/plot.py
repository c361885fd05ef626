"""The picture of growth: one panel per series, one for memory."""

import numpy as np

from benchmarks.growth import line_through, median_seconds
from benchmarks.report import NAMES

# Okabe and Ito's colours, which colour-blind people tell apart; the markers differ too.
STYLES = {"nnlite": ("#0072B2", "o"), "nnlite fast": ("#D55E00", "s"), "floor": ("#666666", "x")}


def draw(series, path) -> None:
    """Step time against multiply-adds with fitted lines, and memory against activations; `ImportError` if it cannot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 2)
    for panel, (name, rows) in zip(panels.flat, series.items(), strict=False):
        _times(panel, name, rows)
    _memory(panels.flat[-1], series)
    figure.savefig(path, dpi=80)


def _times(panel, name, rows):
    work = np.array([row["work"] for row in rows])
    between = np.geomspace(work[0], work[-1], 100)  # a straight line is a curve on these axes
    for engine in rows[0]["seconds"]:
        color, marker = STYLES[engine]
        seconds = median_seconds(rows, engine)
        overhead, slope, _ = line_through(work, seconds)
        panel.plot(work / 1e6, np.array(seconds) * 1e6, marker, color=color, label=NAMES.get(engine, engine))
        panel.plot(between / 1e6, (overhead + slope * between) * 1e6, "-", color=color, linewidth=1)
    first, *_, last = (row["size"] for row in rows)
    panel.set(
        title=f"{name} {first} to {last}",
        xlabel="multiply-adds of a step, millions",
        ylabel="time of a step, microseconds",
    )
    _finish(panel)


def _memory(panel, series):
    for marker, (name, rows) in zip("o^D", series.items(), strict=False):
        for engine in rows[0]["bytes"]:
            points = [(row["activations"] / 1e3, row["bytes"][engine] / 2**20) for row in rows]
            shape, label = (marker, f"{NAMES[engine]}: {name}") if engine == "nnlite" else (".", NAMES[engine])
            known = label in panel.get_legend_handles_labels()[1]
            panel.plot(
                *zip(*points, strict=True),
                shape,
                color=STYLES[engine][0],
                fillstyle="full" if shape == "." else "none",
                label=None if known else label,
            )
    all_of_them = np.array([row["activations"] for rows in series.values() for row in rows])
    ends = np.array([all_of_them.min(), all_of_them.max()])
    panel.plot(ends / 1e3, ends * 4 / 2**20, "-", color="#666666", linewidth=1, label="4 bytes per activation")
    panel.set(title="memory", xlabel="activations of a step, thousands", ylabel="memory of a step, MiB")
    _finish(panel)


def _finish(panel):
    panel.set(xscale="log", yscale="log")
    panel.grid(color="#dddddd", linewidth=0.5)
    panel.legend(fontsize="small", frameon=False, loc="upper left")
