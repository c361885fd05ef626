"""How good a trained model is on labelled rows: the figures of `metrics.json`, for any rows."""

import math
from typing import Any

import numpy as np

from nnlite.data import Classes, Frame, Quantities, Table, TargetEncoder
from nnlite.data.encoders.targets.base import listed
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.metrics.scores import classification_scores, multilabel_scores, regression_scores

__all__ = []


def kind_of(target: TargetEncoder | None) -> str:
    """What the targets of a table have to be; `ConfigError` where the model's file does not say what it predicts."""
    if target is None:
        raise ConfigError("the model's file does not say what its outputs mean; set model.target before saving it")
    if isinstance(target, Quantities):
        return "regression"
    return target.kind if isinstance(target, Classes) else "multilabel"


def check_labels(target: TargetEncoder, y: np.ndarray, rows: Any, path: str) -> None:
    """`DataError` that says where in a table the first label stands that is no class of the model."""
    if not isinstance(target, Classes) or not isinstance(rows, (Table, Frame)):
        return
    known = target.knows(y)
    if not known.all():
        row = int(known.argmin())
        frame = f"{path}: " * bool(path) + f"column {target.name!r}, row {row}"
        where = rows.place(row, target.name) if isinstance(rows, Table) else frame
        raise DataError(
            f"{where}: unknown class {y.ravel().tolist()[row]!r}; the model knows {listed(target.labels)}; correct the "
            "label, or leave such rows out"
        )


def scores_of(
    target: TargetEncoder, y: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None
) -> dict[str, float | None]:
    """Exact scores, amounts in the target's unit; None where one is not defined.

    Args:
        target: says what `y` and `outputs` mean.
        y: labels, or amounts.
        outputs: the model's, probabilities for classes.
        weights: of the rows.
    """
    if len(y) != len(outputs):
        raise ShapeError(f"{len(y)} targets for {len(outputs)} rows")
    several: Any = target
    if isinstance(target, Quantities):
        predictions = target.units(outputs)
        scores = _regression(target.names, y.reshape(predictions.shape), predictions, weights)
    elif isinstance(target, Classes):
        chosen = target.chosen(outputs)
        scores = classification_scores(target.codes(y), target.probabilities(outputs), weights, chosen)
    else:
        scores = multilabel_scores(several.encode(y), several.probabilities(outputs), weights, several.chosen(outputs))
    return {name: float(value) if math.isfinite(value) else None for name, value in scores.items()}


def _regression(names: list[str], y: np.ndarray, predictions: np.ndarray, weights: Any) -> dict[str, float]:
    if len(names) == 1:
        return regression_scores(y[:, 0], predictions[:, 0], weights)
    return regression_scores(y, predictions, weights, names)
