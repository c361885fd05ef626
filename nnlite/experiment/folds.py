"""Cross-validation of an experiment: every row is in the test part of one round."""

from typing import Any

import numpy as np

from nnlite.charts import aligned_lines
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.judging.measuring import figure, judge, without_repetition
from nnlite.experiment.judging.thresholds import tune_threshold
from nnlite.trained.evaluation import Figures

__all__ = ["cross_validate", "format_folds"]


def cross_validate(experiment: Experiment, folds: int, quiet: bool = False) -> dict[str, Any]:
    """Train and judge `folds` models, each on all rows but one fold, which it is judged on.

    Classes, groups and the order of time are heeded as the experiment's split says; its share for validation is taken
    from the rows that are left, its share for test does not matter.

    Args:
        experiment: what to train.
        folds: number of folds, 2 or more.
        quiet: show no line after each fold.

    Returns:
        `"folds"`, the figures of each fold; `"mean"`, `"spread"` (their standard deviation) and `"baseline"`, each
        figure -> value over the folds where it is defined.

    Raises:
        ConfigError, DataError: the config or the data cannot be used.
    """
    measured, baselines = [], []
    for number in range(folds):
        model, data = experiment.prepare(fold=(number, folds))
        arguments = {**experiment.fit_arguments(data), "verbose": 0}
        with experiment.explaining():
            model.fit(**data.for_fit(), **arguments)
        tune_threshold(model, data, experiment.data.threshold)
        judgement = judge(model, data)
        measured.append(judgement.metrics["test"])
        baselines.append(judgement.baseline["test"])
        if not quiet:
            shown = "  ".join(f"{name} {figure(value)}" for name, value in list(measured[-1].items())[:4])
            print(f"Fold {number + 1}/{folds}  {shown}", flush=True)
    spread = _over(measured, lambda values: np.std(values, ddof=1) if len(values) > 1 else 0.0)
    return {
        "folds": measured,
        "mean": _over(measured, np.mean),
        "spread": spread,
        "baseline": _over(baselines, np.mean),
    }


def format_folds(result: dict[str, Any]) -> str:
    """An aligned table: figure, mean, spread and baseline."""
    rows = [("figure", "mean", "spread", "baseline")]
    for name, value in without_repetition(result["mean"]).items():
        base = result["baseline"]
        cells = figure(value), figure(result["spread"][name]), figure(base[name]) if name in base else "-"
        rows.append((name, *cells))
    return "\n".join(aligned_lines(rows, numbers=(1, 2, 3)))


def _over(rounds: list[Figures], function: Any) -> Figures:
    """Each figure of all rounds as one number, of those in which it is defined."""
    values = {name: [figures[name] for figures in rounds if figures[name] is not None] for name in rounds[0]}
    return {name: float(function(defined)) if defined else None for name, defined in values.items()}
