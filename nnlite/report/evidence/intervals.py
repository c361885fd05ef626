"""Uncertainty of metrics: bootstrap intervals."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.data import Quantities
from nnlite.report.evidence.subject import Subject

__all__ = ["intervals"]

MOST_RESAMPLES, LEAST_RESAMPLES = 200, 50
MOST_NUMBERS = 2e6  # predictions that all resamples together look at
TOLERANCE = 1e-3  # by how much, relative, a metric measured here may differ from the one in metrics.json

Scores = dict[str, float]
Measure = Callable[[np.ndarray | None], Scores]
Rows = np.ndarray | slice


def intervals(subject: Subject, part: str) -> dict[str, tuple[float, float]]:
    """Name -> 95% interval of each metric of a part, for those that can be computed here.

    The percentile bootstrap (Efron 1979) of 200 resamples of the rows (fewer, but at least 50, where there are many
    outputs), seeded. Of more than 2,000 rows a sample of 2,000 is resampled, and the result is narrowed by
    `sqrt(2000 / rows)`. The interval lies around the value of metrics.json; a metric whose value measured here
    differs has none.
    """
    recorded = subject.measured.parts[part]
    rows, count = subject.sample(part), len(subject.arrays(part)[0])
    random = np.random.default_rng(subject.run.experiment.seed)
    size = max(subject.outputs[part][rows].size, 1)
    resamples = int(np.clip(MOST_NUMBERS / size, LEAST_RESAMPLES, MOST_RESAMPLES))
    shrink = float(np.sqrt(len(rows) / count))
    ends = {}
    for measure, everything in _measures(subject, part):
        whole = everything(None)
        names = [name for name, value in whole.items() if name not in ends and _same(recorded.get(name), value)]
        if not names:
            continue
        sample = measure(None)
        equal = np.full(len(rows), 1 / len(rows))
        draws = [measure(random.multinomial(len(rows), equal)) for _ in range(resamples)]
        for name in names:
            low, high = np.nanpercentile([draw[name] for draw in draws] + [sample[name]], [2.5, 97.5])
            value = float(recorded[name] or 0.0)
            spread = shrink * (np.array([low, high]) - sample[name])
            ends[name] = (value + float(spread[0]), value + float(spread[1]))
    return ends


def _same(recorded: float | None, measured: float) -> bool:
    return recorded is not None and abs(recorded - measured) <= TOLERANCE * max(abs(recorded), abs(measured), 1e-9)


def _measures(subject: Subject, part: str) -> Iterator[tuple[Measure, Measure]]:
    """Pairs of functions from counts of the rows to metrics by name: of a sample of the rows, and of all of them."""
    for make in (_scores, _compiled, _loss):
        yield make(subject, part, subject.sample(part)), make(subject, part, slice(None))


def _scores(subject: Subject, part: str, rows: Rows) -> Measure:
    truth, outputs, weights = subject.truth(part)[rows], subject.outputs[part][rows], _weights(subject, part, rows)
    return lambda counts: subject.target.scores(truth, outputs, _times(weights, counts))


def _compiled(subject: Subject, part: str, rows: Rows) -> Measure:
    x, y = subject.arrays(part)
    subject.model.test_on_batch(x[:1], y[:1])  # settles which metrics the word accuracy means
    metrics: list[Any] = list(subject.model.trainer.metrics)
    y, outputs = y[rows], subject.raw_outputs[part][rows]
    if isinstance(subject.target, Quantities):
        y, outputs = subject.truth(part)[rows], subject.target.units(outputs)

    def measure(counts: np.ndarray | None) -> Scores:
        values = {}
        for metric in map(copy.deepcopy, metrics):
            metric.reset_state()
            value = metric(y, outputs, sample_weight=counts)
            values |= {str(metric.name): float(value)} if np.ndim(value) == 0 else {}
        return values

    return measure


def _loss(subject: Subject, part: str, rows: Rows) -> Measure:
    x, y = subject.arrays(part)
    losses = subject.row_losses(x, y[rows], subject.raw_outputs[part][rows])
    weights = _weights(subject, part, rows)
    losses = losses if weights is None else losses * weights
    return lambda counts: {"loss": float(np.average(losses, weights=counts)) + subject.penalty}


def _weights(subject: Subject, part: str, rows: Rows) -> np.ndarray | None:
    weights = subject.prepared.weights.get(part)
    return None if weights is None else weights[rows]


def _times(weights: np.ndarray | None, counts: np.ndarray | None) -> np.ndarray | None:
    return counts if weights is None else weights if counts is None else weights * counts
