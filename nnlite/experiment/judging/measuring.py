"""Figures of a trained model, part by part, beside those of a baseline that looks at no input."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.data import Prepared, Quantities, TargetEncoder
from nnlite.experiment.judging.doubts import doubts
from nnlite.metrics.scores import regression_scores
from nnlite.models.base import BaseModel

__all__ = ["Judgement", "format_metrics", "judge", "measure", "predictions", "show_in_units"]

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Judgement:
    """How good a model is.

    Args:
        metrics: figure -> value for each part; None where it is not a finite number, which JSON cannot hold.
        baseline: the same for the best answer that looks at no input, as far as it has these figures.
        warnings: what to doubt, one sentence each.
    """

    metrics: dict[str, Figures]
    baseline: dict[str, Figures]
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """What `metrics.json` holds: the parts, `"baseline"` and `"warnings"`."""
        return {**self.metrics, "baseline": self.baseline, "warnings": self.warnings}


def measure(model: BaseModel, data: Prepared) -> dict[str, Figures]:
    """Loss, scores and compiled metrics of the validation and test part, or of the training part if there is neither.

    The scores are those of the target: `accuracy balanced_accuracy log_loss roc_auc average_precision f1` of classes,
    `rmse mae r2` of numbers, `subset_accuracy f1_macro f1_micro roc_auc log_loss` of several labels per row. Numbers
    are in the target's own unit, also in compiled metrics; the loss alone is that of the standardised target. A value
    that is not finite is None.
    """
    return judge(model, data).metrics


def judge(model: BaseModel, data: Prepared, balanced: bool = False) -> Judgement:
    """The figures of `measure`, those of the baseline, and warnings.

    Args:
        model: compiled and trained.
        data: what its experiment prepared.
        balanced: whether training was to value all classes alike, so that balanced accuracy says whether it succeeded.
    """
    target, metrics, baseline, warnings = data.preprocessing.target, {}, {}, []
    show_in_units(model, target)
    for part in [part for part in data.parts if part != "training"] or ["training"]:
        weights, truth = data.weights.get(part), data.target(part)
        outputs = predictions(model, data.parts[part][0])
        compiled = model.evaluate(*data.parts[part], sample_weight=weights, return_dict=True, verbose=0)
        scores = target.scores(truth, outputs, weights)
        metrics[part] = _finite({"loss": compiled.pop("loss"), **scores, **_without(compiled, scores)})
        baseline[part] = _finite(_baseline(target, data, part))
        warnings += doubts(part, data, outputs, metrics[part], baseline[part], balanced)
    if any(figures["loss"] is None for figures in metrics.values()):
        warnings = ["training diverged; lower the learning rate or scale the inputs"]
    return Judgement(metrics, baseline, warnings)


def predictions(model: BaseModel, x: Any) -> np.ndarray:
    """The model's outputs, as probabilities where the loss takes logits."""
    outputs, loss = model.predict(x, verbose=0), model.trainer.loss
    return loss.link().linearize(outputs)[0] if loss.from_logits and loss.link is not None else outputs


def show_in_units(model: BaseModel, target: TargetEncoder) -> None:
    """Let the compiled metrics of a standardised regression be shown in the target's own unit, also while training."""
    if isinstance(target, Quantities) and target.changes_units:
        model.trainer.to_units = target.units


def format_metrics(metrics: dict[str, Figures], baseline: dict[str, Figures]) -> str:
    """An aligned table: part, figure, model and baseline.

    >>> print(format_metrics({"test": {"loss": 0.31, "accuracy": 0.95}}, {"test": {"accuracy": 0.6}}))
    part  figure    model  baseline
    test  loss       0.31         -
          accuracy   0.95       0.6
    """
    rows = [("part", "figure", "model", "baseline")]
    for part, figures in metrics.items():
        for number, (name, value) in enumerate(figures.items()):
            base = baseline.get(part, {})
            rows.append(("" if number else part, name, figure(value), figure(base[name]) if name in base else "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        f"{part:<{widths[0]}}  {name:<{widths[1]}}  {value:>{widths[2]}}  {base:>{widths[3]}}"
        for part, name, value, base in rows
    )
    return "\n".join(lines)


def figure(value: float | None) -> str:
    """Four digits, more of large numbers; `nan` for a figure that is not defined."""
    if value is None:
        return "nan"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _baseline(target: TargetEncoder, data: Prepared, part: str) -> dict[str, float]:
    learnt, truth, weights = data.learnt_target(), data.target(part), data.weights.get(part)
    scores = target.baseline(learnt, truth, data.weights.get("training"), weights)
    last = data.last_known(part)
    if last is None:
        return scores
    of_last = regression_scores(truth, last, weights, target.columns)
    return of_last if of_last["rmse"] < scores["rmse"] else scores


def _without(compiled: dict[str, Any], scores: dict[str, float]) -> dict[str, Any]:
    """The compiled metrics that are none of the scores; those with a value for each output by its number."""
    single = {}
    for name, value in compiled.items():
        if np.ndim(value):
            single |= {f"{name}_{place}": item for place, item in enumerate(np.ravel(value))}
        else:
            single[name] = value
    return {name: value for name, value in single.items() if name not in scores}


def _finite(values: dict[str, Any]) -> Figures:
    return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
