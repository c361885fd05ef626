"""The fraction of the metric's variance that each argument of a search explains."""

from typing import Any

import numpy as np

from nnlite.tuning.study import Trial

__all__ = ["explained_shares"]

LEAST = 8  # complete trials from which shares are told
LEVELS = 4  # groups of values of a number, at most


def explained_shares(trials: list[Trial], space: dict[str, dict[str, list]]) -> dict[str, float]:
    """The fraction of the variance of the trials' ranks that each argument explains alone, in [0, 1].

    This is epsilon squared of Kelley (1935), `1 - (n - 1) / (n - g) * (squares within groups) / (all squares)`, at
    least 0, for g groups among n complete trials: one for each choice, or up to four ranges of a number. Ranks limit
    the influence of a trial that failed badly, and g that of chance. What arguments explain only together is left out.

    Args:
        trials: of any state; complete ones count.
        space: key of the config -> the values that are tried.

    Returns:
        Key -> share; empty for fewer than 8 complete trials, or where all of them are equally good.
    """
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    values = np.array([trial.value for trial in complete], float)
    if len(complete) < LEAST or np.ptp(values) == 0:
        return {}
    ranks = _ranks(values)
    return {key: _explained(ranks, _groups([trial.params.get(key) for trial in complete], space[key])) for key in space}


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0; equal values share the mean of theirs."""
    _, indices, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[indices]


def _groups(values: list[Any], domain: dict[str, list]) -> np.ndarray:
    """The number of each value's group: equal choices, or numbers next to one another, as many in each."""
    if "choice" in domain:
        spelled = [f"{type(value).__name__} {value}" for value in values]
        return np.unique(spelled, return_inverse=True)[1]
    ranks = _ranks(np.array(values, float))
    return (ranks / len(ranks) * min(LEVELS, len(ranks) // 3)).astype(int)


def _explained(ranks: np.ndarray, groups: np.ndarray) -> float:
    """Epsilon squared of the groups."""
    counts = np.bincount(groups)
    means = np.bincount(groups, ranks) / np.maximum(counts, 1)
    number = np.count_nonzero(counts)
    if number in (1, len(ranks)):
        return 0.0
    within, whole = ((ranks - means[groups]) ** 2).sum(), ((ranks - ranks.mean()) ** 2).sum()
    return float(max(1 - (len(ranks) - 1) / (len(ranks) - number) * within / whole, 0.0))
