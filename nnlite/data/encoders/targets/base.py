"""The contract of a target encoder."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from nnlite.errors import ConfigError
from nnlite.metrics.scores import Score
from nnlite.registry import Configurable

__all__ = ["TargetEncoder", "TargetKind"]

# What a loss compares; `"multilabel"` asks a source for a column of joined labels, `"auto"` for the target unchanged.
TargetKind = Literal["binary", "categorical", "sparse", "regression", "multilabel", "auto"]


class TargetEncoder(Configurable, family="target encoder"):
    """Turns targets into the form that the loss compares, and the model's outputs back into terms of the data.

    Outputs are those of `predict` after sigmoid or softmax, where the loss takes logits.
    """

    @property
    def columns(self) -> list[str]:
        """The columns of a table that hold the target."""
        raise NotImplementedError

    @property
    def output_units(self) -> int:
        """Number of units that the model's last layer needs."""
        raise NotImplementedError

    def encode(self, target: np.ndarray) -> np.ndarray:
        """The target as the loss expects it."""
        raise NotImplementedError

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Named columns for a table of predictions."""
        raise NotImplementedError

    def scores(self, target: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
        """Scores of outputs by name, in the units of the data; NaN where a score is not defined.

        Args:
            target: labels or amounts as the data have them, one per row.
            outputs: of the model for these rows.
            weights: weight of each row, >= 0.
        """
        raise NotImplementedError

    def baseline(
        self,
        learned: np.ndarray,
        target: np.ndarray,
        learned_weights: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> dict[str, float]:
        """The scores on `target` of the best constant prediction learned from the target `learned`."""
        raise NotImplementedError

    def tune(self, target: np.ndarray, outputs: np.ndarray, score: Score, weights: np.ndarray | None = None) -> None:
        """Choose the thresholds that maximize `score` on these rows; `ConfigError` if the target has no thresholds."""
        raise ConfigError(f"{type(self).__name__} has no threshold to tune")

    def check_outputs(self, output_shape: tuple) -> None:
        """Raise `ShapeError` unless a model with this output shape can be compared with the encoded target."""
        raise NotImplementedError


def listed(labels: Sequence[Any]) -> str:
    """The first labels, formatted for a message."""
    return ", ".join(map(str, labels[:8])) + (", ..." if len(labels) > 8 else "")
