"""From a model's outputs to labels, probabilities, amounts and named columns."""

from typing import Any

import numpy as np

from nnlite.data import Classes, Quantities, TargetEncoder
from nnlite.errors import ConfigError

__all__ = []


class Probabilities(np.ndarray):
    """An array of probabilities with `classes`, the labels of its last axis."""

    classes: Any = None

    def __array_finalize__(self, other: Any) -> None:
        classes = other.classes if isinstance(other, Probabilities) else None
        self.classes = classes if classes is not None and self.shape[-1:] == (len(classes),) else None

    @classmethod
    def of(cls, values: np.ndarray, classes: np.ndarray) -> "Probabilities":
        """`values` with the labels of their last axis."""
        array = values.view(cls)
        array.classes = classes
        return array

    def __reduce__(self) -> Any:
        return Probabilities.of, (np.asarray(self), self.classes)


def classes_of(target: TargetEncoder | None) -> np.ndarray | None:
    """The labels of a target; None for amounts, and if the meaning of the outputs is unknown."""
    if target is None or isinstance(target, Quantities):
        return None
    labels: Any = target
    return np.array(labels.labels)


def need_classes(target: TargetEncoder | None) -> Any:
    """The target; `ConfigError` unless it has classes."""
    if classes_of(target) is None:
        what = "amounts" if target is not None else "outputs whose meaning its file does not say"
        raise ConfigError(f"the model predicts {what}, which have no probabilities; call predict")
    return target


def predictions_of(target: TargetEncoder | None, outputs: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    """Labels, amounts in the target's unit, 0 and 1 for each of several labels, or the outputs themselves."""
    if target is None:
        return outputs
    if isinstance(target, Quantities):
        values = target.units(outputs)
        return values[:, 0] if values.shape[1] == 1 else values
    several: Any = target
    indices = several.chosen(outputs)
    return labels[indices] if isinstance(target, Classes) and labels is not None else indices.astype(np.int64)


def columns_of(target: TargetEncoder | None, outputs: np.ndarray, proba: bool) -> dict[str, Any]:
    """Named columns for a table of predictions; without `proba`, probabilities are omitted."""
    if target is None:
        flat = outputs.reshape(len(outputs), -1)
        return {"output" if flat.shape[1] == 1 else f"output_{n}": column for n, column in enumerate(flat.T)}
    columns = target.decode(outputs)
    names = target.columns
    return columns if proba else {name: column for name, column in columns.items() if name in names}
