"""F-scores, which combine precision and recall."""

from typing import Any, Literal

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, ShapeError
from nnlite.metrics.base import Metric
from nnlite.metrics.confusion import ratio
from nnlite.metrics.state.variables import StateArray
from nnlite.registry.bounds import Positive

__all__ = ["F1Score", "FBetaScore"]


class FBetaScore(Metric):
    """`(1 + beta**2) * precision * recall / (beta**2 * precision + recall)` of each class, 0 where both are 0.

    Shape: y_true (batch, classes) of 0 and 1, y_pred (batch, classes); sample_weight a number or (batch,).

    Args:
        average: None gives an array, one score per class; "macro" their mean; "weighted" their mean weighted by the
            number of positives; "micro" the score of all counts together.
        beta: how many times as much recall counts as precision.
        threshold: predictions above are positive; None: the largest of each row is.

    >>> FBetaScore(beta=2.0, threshold=0.5, dtype="float64")([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7],
    ...     [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(6).tolist()
    [0.384615, 0.909091, 0.833333]
    """

    higher_is_better = True
    _default_name = "fbeta_score"
    _state = ("true_positives", "false_positives", "false_negatives")
    true_positives, false_positives, false_negatives = StateArray(), StateArray(), StateArray()

    average: Literal["micro", "macro", "weighted"] | None = None
    beta: Positive = 1.0
    threshold: float | None = None

    def validate(self) -> None:
        super().validate()
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ConfigError(f"must be in (0, 1], got {self.threshold}", (type(self).__name__, "threshold"))

    def reset_state(self) -> None:
        classes = np.shape(vars(self).get("true_positives", np.zeros(0)))
        self.true_positives = self.false_positives = self.false_negatives = np.zeros(classes)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
        if y_true.shape != y_pred.shape or y_true.ndim != 2:
            raise ShapeError(
                f"{self.name}: y_true has shape {y_true.shape} and y_pred {y_pred.shape}; both must be (batch, classes)"
            )
        weights = np.ones(len(y_true)) if sample_weight is None else self.weights(sample_weight, len(y_true))
        if self.threshold is None:
            chosen = (y_pred >= y_pred.max(axis=-1, keepdims=True, initial=-np.inf)) & (np.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        actual = y_true.astype(np.float64)
        for name, part in (
            ("true_positives", chosen * actual),
            ("false_positives", chosen * (1 - actual)),
            ("false_negatives", ~chosen * actual),
        ):
            before, counts = vars(self)[name], weights @ part
            counts = np.asarray(counts.sum()) if self.average == "micro" else counts
            vars(self)[name] = np.asarray(counts + (before if before.size else 0.0))

    @property
    def _listed(self) -> dict[str, str]:
        return {name: name for name in (*self._state, "intermediate_weights")}

    @property
    def _known(self) -> list[str]:
        return [*self._listed] if self.true_positives.size else []

    @property
    def intermediate_weights(self) -> np.ndarray:
        """The number of positives, which follows from the other counts; setting it changes nothing."""
        return self.true_positives + self.false_negatives

    @intermediate_weights.setter
    def intermediate_weights(self, value: np.ndarray) -> None:
        pass

    def result(self) -> Any:
        states = [vars(self)[name] for name in self._state]
        if not states[0].size:
            return 0.0
        positives = states[0] + states[2]
        true, false_positive, false_negative = states
        squared = self.beta**2
        scores = ratio((1 + squared) * true, (1 + squared) * true + squared * false_negative + false_positive)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float(ratio(scores @ positives, positives.sum()))
        return float(scores.mean())


class F1Score(FBetaScore):
    """`2 * precision * recall / (precision + recall)` of each class: `FBetaScore` with beta 1.

    Shape: y_true (batch, classes) of 0 and 1, y_pred (batch, classes); sample_weight a number or (batch,).

    Args:
        average, threshold: as of `FBetaScore`.

    >>> F1Score(threshold=0.5, dtype="float64")([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7],
    ...     [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(6).tolist()
    [0.5, 0.8, 0.666667]
    """

    def __init__(
        self,
        average: Literal["micro", "macro", "weighted"] | None = None,
        threshold: float | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name=name, dtype=dtype)
