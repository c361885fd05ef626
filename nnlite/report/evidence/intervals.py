"""How sure metrics are: intervals by the bootstrap."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnlite.data import Quantities
from nnlite.metrics.scores import classification_scores, regression_scores
from nnlite.report.evidence.subject import Subject

__all__ = ["intervals"]

RESAMPLES = 200
TOLERANCE = 1e-3  # by how much, relative, a metric measured here may differ from the one in metrics.json

Scores = dict[str, float]


def intervals(subject: Subject, part: str) -> dict[str, tuple[float, float]]:
    """Name -> ends of the 95% interval of each metric of a part, for those that can be measured here.

    The percentile bootstrap (Efron 1979) of 200 resamples of the rows, seeded. Of more than 2,000 rows a sample of
    2,000 is resampled, and what comes out is narrowed by `sqrt(2000 / rows)`. The interval lies around the value of
    metrics.json; a metric which, measured here, is not that one has none.
    """
    recorded = subject.measured.parts[part]
    rows, count = subject.sample(part), len(subject.arrays(part)[0])
    random = np.random.default_rng(subject.run.experiment.seed)
    shrink = float(np.sqrt(len(rows) / count))
    ends = {}
    for measure, everything in _measures(subject, part):
        whole = everything(None)
        chosen = [name for name, value in whole.items() if name not in ends and _same(recorded.get(name), value)]
        if not chosen:
            continue
        sample = measure(None)
        draws = [measure(random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)))) for _ in range(RESAMPLES)]
        for name in chosen:
            low, high = np.nanpercentile([draw[name] for draw in draws] + [sample[name]], [2.5, 97.5])
            value = float(recorded[name] or 0.0)
            spread = shrink * (np.array([low, high]) - sample[name])
            ends[name] = (value + float(spread[0]), value + float(spread[1]))
    return ends


def _same(recorded: float | None, measured: float) -> bool:
    return recorded is not None and abs(recorded - measured) <= TOLERANCE * max(abs(recorded), abs(measured), 1e-9)


def _measures(subject: Subject, part: str) -> Iterator[tuple[Callable[..., Scores], Callable[..., Scores]]]:
    """Pairs of functions from weights to metrics by name: of a sample of the rows, and of all of them."""
    rows, (x, y), outputs = subject.sample(part), subject.arrays(part), subject.outputs(part)
    for make in (_scores, _compiled, _loss):
        yield make(subject, x[rows], y[rows], outputs[rows]), make(subject, x, y, outputs)


def _scores(subject: Subject, x: np.ndarray, y: np.ndarray, outputs: np.ndarray) -> Callable[..., Scores]:
    if isinstance(subject.target, Quantities):
        truth, predicted, names = subject.units(y), subject.units(outputs), subject.target_names
        return lambda weights: regression_scores(truth, predicted, weights, names)
    probabilities = subject.probabilities(outputs)
    if probabilities.ndim > 2:  # a class for each step: rows, not steps, are what is resampled
        return lambda weights: {}
    codes = subject.codes_of(y)
    return lambda weights: classification_scores(codes, probabilities, weights)


def _compiled(subject: Subject, x: np.ndarray, y: np.ndarray, outputs: np.ndarray) -> Callable[..., Scores]:
    subject.model.test_on_batch(x[:1], y[:1])  # settles which metrics the word accuracy means
    metrics: list[Any] = list(subject.model.metrics)

    def measure(weights: np.ndarray | None) -> Scores:
        values = {}
        for metric in map(copy.deepcopy, metrics):
            metric.reset_state()
            values[str(metric.name)] = float(metric(y, outputs, sample_weight=weights))
        return values

    return measure


def _loss(subject: Subject, x: np.ndarray, y: np.ndarray, outputs: np.ndarray) -> Callable[..., Scores]:
    losses = subject.row_losses(x, y, outputs)
    penalty = subject.penalty
    return lambda weights: {"loss": float(np.average(losses, weights=weights)) + penalty}
