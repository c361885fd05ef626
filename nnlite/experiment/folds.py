"""Cross-validation of an experiment: every row is in the test part exactly once."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from nnlite.charts import aligned_lines
from nnlite.distributed.jobs import Backend, each
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.judging.measuring import figure, judge
from nnlite.experiment.judging.thresholds import tune_threshold
from nnlite.trained.evaluation import Figures

__all__ = ["cross_validate", "format_folds"]


def cross_validate(
    experiment: Experiment,
    folds: int,
    quiet: bool = False,
    before: Mapping[str, Any] | None = None,
    keep: Callable[[dict[str, Any]], None] | None = None,
    jobs: int = 1,
    backend: Backend | None = None,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Train `folds` models, each on all rows except one fold, and evaluate each on that fold.

    Classes, groups and order of time are respected as the experiment's split says; its share for validation is taken
    from the remaining rows, its share for test is ignored.

    Args:
        experiment: what to train.
        folds: number of folds, 2 or more.
        quiet: show no line after each fold.
        before: the partial result of an interrupted cross-validation, to continue from.
        keep: is called with the result so far after each fold, or after `jobs` of them.
        jobs: folds that are trained side by side.
        backend: "loky", "threading" or "dask", a backend of joblib; "loky" when None and there are several jobs.
        scheduler: the address of a Dask cluster, which implies that backend; a cluster on this machine when None.

    Returns:
        `"planned"`, the number of folds; `"folds"`, the figures of each that is done, and `"baselines"`, those of the
        best constant prediction; `"mean"`, `"spread"` (their standard deviation) and `"baseline"`, each
        figure -> value over the folds where it is defined.

    Raises:
        ConfigError, DataError: the config or the data cannot be used.
    """
    measured, baselines = [*(before or {}).get("folds", ())], [*(before or {}).get("baselines", ())]
    run = partial(_fold, experiment, folds)
    backend = backend or ("dask" if scheduler else "loky" if jobs > 1 else None)
    for first in range(len(measured), folds, jobs):
        numbers = range(first, min(first + jobs, folds))
        outcomes = each(run, numbers, jobs, backend, scheduler) if backend else map(run, numbers)
        for number, (figures, baseline) in zip(numbers, outcomes, strict=True):
            measured.append(figures)
            baselines.append(baseline)
            if not quiet:
                shown = "  ".join(f"{name} {figure(value)}" for name, value in list(figures.items())[:4])
                print(f"Fold {number + 1}/{folds}  {shown}", flush=True)
        if keep is not None:
            keep(_result(measured, baselines, folds))
    return _result(measured, baselines, folds)


def _fold(experiment: Experiment, folds: int, number: int) -> tuple[Figures, Figures]:
    """The figures of one fold, and those of its baseline."""
    model, data = experiment.prepare(fold=(number, folds))
    arguments = {**experiment.fit_arguments(data), "verbose": 0}
    with experiment.explaining():
        model.fit(**data.for_fit(), **arguments)
    tune_threshold(model, data, experiment.data.threshold)
    judgement = judge(model, data)
    return judgement.metrics["test"], judgement.baseline["test"]


def _result(measured: list[Figures], baselines: list[Figures], planned: int) -> dict[str, Any]:
    spread = _over(measured, lambda values: np.std(values, ddof=1) if len(values) > 1 else 0.0)
    mean, baseline = _over(measured, np.mean), _over(baselines, np.mean)
    return {
        "planned": planned,
        "folds": [*measured],
        "baselines": [*baselines],
        "mean": mean,
        "spread": spread,
        "baseline": baseline,
    }


def format_folds(result: dict[str, Any]) -> str:
    """An aligned table: metric, mean, spread and baseline."""
    rows = [("metric", "mean", "spread", "baseline")]
    for name, value in result["mean"].items():
        base = result["baseline"]
        cells = figure(value), figure(result["spread"][name]), figure(base[name]) if name in base else "-"
        rows.append((name, *cells))
    return "\n".join(aligned_lines(rows, numbers=(1, 2, 3)))


def _over(rounds: list[Figures], function: Any) -> Figures:
    """Each figure of all rounds as one number, of those in which it is defined."""
    values = {name: [figures[name] for figures in rounds if figures.get(name) is not None] for name in rounds[0]}
    return {name: float(function(defined)) if defined else None for name, defined in values.items()}
