"""Metrics of a trained model, part by part, next to those of a baseline that ignores the inputs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.arrays.stored import StoredRows
from nnlite.charts import aligned_lines
from nnlite.data import Prepared
from nnlite.data.storage.outputs import stored_outputs
from nnlite.experiment.judging.doubts import doubts
from nnlite.metrics.scores import regression_scores
from nnlite.models.base import BaseModel
from nnlite.models.interpretation import link_of, linked
from nnlite.trained.evaluation import Figures, figures_of, finite_figures

__all__ = ["Judgement", "format_metrics", "judge", "measure", "predictions"]


@dataclass(frozen=True)
class Judgement:
    """Metrics that measure how good a model is.

    Args:
        metrics: figure -> value for each part; None if it is not a finite number, which JSON cannot hold.
        baseline: the same for the best constant prediction, for the figures that it has.
        warnings: reasons to doubt the model, one sentence each.
    """

    metrics: dict[str, Figures]
    baseline: dict[str, Figures]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Contents of `metrics.json`: the parts, `"baseline"` and `"warnings"`."""
        return {**self.metrics, "baseline": self.baseline, "warnings": self.warnings}


def measure(model: BaseModel, data: Prepared) -> dict[str, Figures]:
    """Loss, scores and compiled metrics of the validation and test parts, or of the training part if there is neither.

    The scores are those of the target: `accuracy balanced_accuracy log_loss roc_auc average_precision f1` of classes,
    `rmse mae r2` of numbers, `subset_accuracy f1_macro f1_micro roc_auc log_loss` of several labels per row. Numbers
    are in the target's own unit, also in compiled metrics; the loss alone is that of the standardized target. A value
    that is not finite is None.
    """
    return judge(model, data).metrics


def judge(model: BaseModel, data: Prepared, balanced: bool = False) -> Judgement:
    """The metrics of `measure`, those of the baseline, and warnings.

    Args:
        model: compiled and trained.
        data: what its experiment prepared.
        balanced: whether all classes were to count equally in training, so that success is judged by balanced accuracy.
    """
    metrics, baseline, warnings = {}, {}, []
    for part in [part for part in data.parts if part != "training"] or ["training"]:
        metrics[part], baseline[part], doubted = _judged(model, data, part, balanced)
        warnings += doubted
    if any(figures["loss"] is None for figures in metrics.values()):
        warnings = ["training diverged; lower the learning rate or scale the inputs"]
    return Judgement(metrics, baseline, warnings)


def _judged(model: BaseModel, data: Prepared, part: str, balanced: bool) -> tuple[Figures, Figures, list[str]]:
    """Figures, those of the baseline, and doubts; outputs and target of a streamed table stay in files."""
    target, (x, y) = data.preprocessing.target, data.parts[part]
    truth = data.datasets[part].target if isinstance(data.rows[part], slice) else data.target(part)
    outputs = predictions(model, x)
    figures = figures_of(model, target, x, truth, outputs, data.weights.get(part), encoded=y)
    baseline = finite_figures(_baseline(data, part, truth))
    return figures, baseline, doubts(part, target, truth, outputs, figures, baseline, balanced)


def predictions(model: BaseModel, x: Any) -> np.ndarray:
    """The model's outputs, as probabilities if the loss takes logits; in a file if the inputs are."""
    link = link_of(model)
    if isinstance(x, StoredRows):

        def outputs(some: np.ndarray) -> np.ndarray:
            # Given callbacks, even an empty list, `predict` goes batch by batch, as in one call for all rows.
            return linked(model.predict(some, verbose=0, callbacks=()), link)

        return stored_outputs(outputs, x)  # type: ignore[return-value]
    return linked(model.predict(x, verbose=0), link)


def format_metrics(metrics: dict[str, Figures], baseline: dict[str, Figures]) -> str:
    """An aligned table: part, metric, model and baseline, if any.

    >>> print(format_metrics({"test": {"loss": 0.31, "accuracy": 0.95}}, {"test": {"accuracy": 0.6}}))
    part  metric    model  baseline
    test  loss       0.31         -
          accuracy   0.95       0.6
    """
    width = 4 if baseline else 3
    rows = [("part", "metric", "model", "baseline")[:width]]
    for part, figures in metrics.items():
        for number, (name, value) in enumerate(figures.items()):
            base = baseline.get(part, {})
            cells = ("" if number else part, name, figure(value), figure(base[name]) if name in base else "-")
            rows.append(cells[:width])
    return "\n".join(aligned_lines(rows, numbers=(2, 3)))


def figure(value: float | None) -> str:
    """Four significant digits, more for large numbers; `nan` for an undefined metric."""
    if value is None:
        return "nan"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _baseline(data: Prepared, part: str, truth: np.ndarray) -> dict[str, float]:
    target, weights = data.preprocessing.target, data.weights.get(part)
    scores = target.baseline(data.learnt_target(), truth, data.weights.get("training"), weights)
    last = data.last_known(part)
    if last is None:
        return scores
    of_last = regression_scores(truth, last, weights, target.columns)
    return of_last if of_last["rmse"] < scores["rmse"] else scores
