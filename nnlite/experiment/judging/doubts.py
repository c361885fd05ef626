"""Warnings about a model's metrics, in words."""

from collections.abc import Iterable, Mapping

import numpy as np

from nnlite.data import Classes, Labels, Quantities, TargetEncoder
from nnlite.metrics.scores import class_table, confusion_matrix, label_table, undefined_scores

__all__ = ["doubts"]

MOST_NAMED = 5
Figures = Mapping[str, float | None]


def doubts(
    part: str,
    target: TargetEncoder,
    truth: np.ndarray,
    outputs: np.ndarray,
    figures: Figures,
    baseline: Figures,
    balanced: bool,
) -> list[str]:
    """One sentence for each way in which a model is no better than a guess, or blind to a class.

    Args:
        part: what the rows are called.
        target: says what `truth` and `outputs` mean.
        truth: labels or amounts as the data have them, one per row.
        outputs: of the model for these rows, probabilities for classes.
        figures: of the model.
        baseline: figures of the best constant prediction.
        balanced: whether all classes were to count equally in training.
    """
    if isinstance(target, Classes):
        main = ("balanced_accuracy",) if balanced or target.threshold is not None else ("accuracy", "log_loss")
        codes = target.codes(truth).reshape(-1)
        complaints = [*_not_better(part, figures, baseline, main), *_blind(part, target, codes, outputs)]
        undefined = undefined_scores(codes, target.labels)
        by_reason = {reason: [name for name in undefined if undefined[name] == reason] for reason in undefined.values()}
        return [*complaints, *(f"{part}: {', '.join(names)}: {reason}" for reason, names in by_reason.items())]
    if isinstance(target, Labels):
        complaints = _not_better(
            part, figures, baseline, ("f1_micro",) if balanced or target.thresholds else ("log_loss",)
        )
        return [*complaints, *_blind_to_labels(part, target, truth, outputs)]
    return _not_better(part, figures, baseline, ("rmse",)) if isinstance(target, Quantities) else []


def _not_better(part: str, figures: Figures, baseline: Figures, names: Iterable[str]) -> list[str]:
    """Name the figures that do not beat the baseline, and the baseline."""
    what = {
        "accuracy": "always the most frequent class",
        "balanced_accuracy": "always one class",
        "log_loss": "the shares in the training part as probabilities",
        "f1_micro": "always the labels that most rows have",
        "rmse": "always the mean, or the last known value",
    }
    sentences = []
    for name in names:
        value, base = figures[name], baseline[name]
        lower_is_better = name in ("log_loss", "rmse")
        if value is not None and base is not None and (value >= base if lower_is_better else value <= base):
            sentences.append(f"{part}: {name} {value:.4g} does not beat the baseline's {base:.4g}: {what[name]}")
    return sentences


def _blind(part: str, target: Classes, codes: np.ndarray, outputs: np.ndarray) -> list[str]:
    """The classes that occur but are never predicted, and those that are never predicted correctly."""
    predictions = target.chosen(outputs).reshape(-1)
    table = class_table(codes, predictions, len(target.labels))
    predicted = confusion_matrix(codes, predictions, len(target.labels)).sum(axis=0) > 0
    missed = (table["recall"] == 0) & (table["support"] > 0)
    counts = table["support"].astype(int)
    never = _named(target.labels, counts, missed & ~predicted)
    wrong = _named(target.labels, counts, missed & predicted)
    remedy = "; `class_weight: balanced` in fit or `threshold: balanced_accuracy` in data may help" * (counts.size == 2)
    return [
        *([f"{part}: never predicts {never}{remedy}"] if never else []),
        *([f"{part}: finds no row of {wrong}: recall 0"] if wrong else []),
    ]


def _blind_to_labels(part: str, target: Labels, truth: np.ndarray, outputs: np.ndarray) -> list[str]:
    table = label_table(target.encode(truth), target.chosen(outputs))
    missed = _named(target.labels, table["support"].astype(int), (table["recall"] == 0) & (table["support"] > 0))
    return [f"{part}: finds no row with {missed}: recall 0; `threshold: f1` in data may help"] if missed else []


def _named(labels: list, counts: np.ndarray, is_named: np.ndarray) -> str:
    """The chosen labels with their rows, the first ones by name."""
    places = np.flatnonzero(is_named).tolist()
    named = [f"{labels[label]!r} ({counts[label]} rows)" for label in places[:MOST_NAMED]]
    more = len(places) - MOST_NAMED
    return ", ".join([*named, *([f"{more} more"] if more > 0 else [])])
