"""Evaluation of a trained model on labelled rows: the metrics of `metrics.json`, for any rows."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnlite.data import Classes, Frame, Quantities, Table, TargetEncoder
from nnlite.data.encoders.targets.base import listed
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.models.base import BaseModel
from nnlite.training.epoch import Verbose

__all__ = ["Figures", "figures_of", "finite_figures", "kind_of", "show_in_units"]

Figures = dict[str, float | None]

# Compiled metrics by their name in the logs, and the score that is the same figure.
SCORES = {
    "r2_score": "r2",
    "mean_absolute_error": "mae",
    "root_mean_squared_error": "rmse",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "binary_crossentropy": "log_loss",
    "categorical_crossentropy": "log_loss",
    "sparse_categorical_crossentropy": "log_loss",
}


def kind_of(target: TargetEncoder | None) -> str:
    """The kind of targets that a table must have; `ConfigError` if the model's file does not state what it predicts."""
    if target is None:
        raise ConfigError("the model's file does not say what its outputs mean; set model.target before saving it")
    if isinstance(target, Quantities):
        return "regression"
    return target.kind if isinstance(target, Classes) else "multilabel"


def check_labels(target: TargetEncoder, y: np.ndarray, rows: Any, path: str, names: list[str] | None) -> None:
    """`DataError` with the position of the first label in a table or file that is not a class of the model.

    `names` are those of the rows, such as files of images.
    """
    if not isinstance(target, Classes) or not (path or isinstance(rows, (Table, Frame))):
        return
    is_known = target.knows(y)
    if not is_known.all():
        row = int(is_known.argmin())
        if isinstance(rows, Table):
            where = rows.place(row, target.name)
        elif names:
            where = f"{path.rstrip('/')}/{names[row]}"
        else:
            where = f"{path}: " * bool(path) + f"column {target.name!r}, row {row}"
        raise DataError(
            f"{where}: unknown class {y.ravel().tolist()[row]!r}; the model knows {listed(target.labels)}; correct the "
            "label, or leave such rows out"
        )


def figures_of(
    model: BaseModel,
    target: TargetEncoder,
    x: Any,
    truth: np.ndarray,
    outputs: np.ndarray,
    weights: np.ndarray | None = None,
    encoded: np.ndarray | None = None,
    verbose: Verbose = 0,
) -> Figures:
    """The loss, the scores of the target, and all other compiled metrics; only the scores if the model is not compiled.

    Amounts are in the target's own unit, also in compiled metrics; the loss alone is that of the standardized target.

    Args:
        model: to be evaluated.
        target: says what `truth` and `outputs` mean.
        x: encoded inputs.
        truth: labels or amounts as the data have them, one per row.
        outputs: of the model for `x`, probabilities for classes.
        weights: weight of each row, >= 0.
        encoded: `truth` as the loss takes it; encoded here when None.
        verbose: 1 shows progress.

    Raises:
        ShapeError: another number of targets than of rows.
    """
    if len(truth) != len(outputs):
        raise ShapeError(f"{len(truth)} targets for {len(outputs)} rows; pass one target per row")
    if isinstance(target, Quantities) and truth.ndim == 1:
        truth = truth.reshape(len(truth), 1)
    scores = target.scores(truth, outputs, weights)
    if not model.compiled:
        return finite_figures(scores)
    y = target.encode(truth) if encoded is None else encoded
    with _metrics_in_units(model, target):
        compiled = model.evaluate(x, y, sample_weight=weights, return_dict=True, verbose=verbose)
    return finite_figures({"loss": compiled.pop("loss"), **scores, **_others(compiled, scores)})


def finite_figures(values: dict[str, Any]) -> Figures:
    """The same as floats; None for values that are not finite, which JSON cannot hold."""
    return {name: float(value) if math.isfinite(value) else None for name, value in values.items()}


@contextmanager
def _metrics_in_units(model: BaseModel, target: TargetEncoder) -> Iterator[None]:
    """A context with `show_in_units`, after which `evaluate` answers as before."""
    before = model.trainer.to_units
    show_in_units(model, target)
    try:
        yield
    finally:
        model.trainer.to_units = before


def show_in_units(model: BaseModel, target: TargetEncoder) -> None:
    """Report the compiled metrics of a standardized regression in the target's own unit, also during training."""
    if isinstance(target, Quantities) and target.changes_units:
        model.trainer.to_units = target.units


def _others(compiled: dict[str, Any], scores: dict[str, float]) -> dict[str, Any]:
    """The compiled metrics that repeat none of the scores; those with a value for each output by its number."""
    single = {}
    for name, value in compiled.items():
        if np.ndim(value):
            single |= {f"{name}_{index}": item for index, item in enumerate(np.ravel(value))}
        else:
            single[name] = value
    return {name: value for name, value in single.items() if name not in scores and not _repeats(name, value, scores)}


def _repeats(name: str, value: float, scores: dict[str, float]) -> bool:
    """Whether a metric is a score under another name; weights and options of metrics can make them differ."""
    return math.isclose(value, scores.get(SCORES.get(name, ""), math.nan), rel_tol=1e-4)
