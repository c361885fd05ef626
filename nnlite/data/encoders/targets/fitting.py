"""The target encoder for a target and its options in a config."""

import dataclasses

import numpy as np

from nnlite.data.encoders.targets.base import TargetEncoder, TargetKind
from nnlite.data.encoders.targets.classes import Classes
from nnlite.data.encoders.targets.labels import Labels
from nnlite.data.encoders.targets.quantities import Quantities, Transform
from nnlite.errors import ConfigError
from nnlite.metrics.scores import Score

__all__ = ["TargetOptions", "kind_of_encoder"]


@dataclasses.dataclass(frozen=True)
class TargetOptions:
    """Options of a config for the target.

    Args:
        standardize: whether amounts are standardized.
        transform: of amounts.
        separator: the separator of the labels in one cell.
        threshold: from which probability on a row is taken for the second class, or to have the label; or the score
            that it is tuned for.
    """

    standardize: bool
    transform: Transform | None
    separator: str | None
    threshold: Score | float | None

    def fit(
        self,
        names: list[str],
        target: np.ndarray,
        rows: np.ndarray,
        labels: np.ndarray,
        kind: TargetKind,
        units: list[str | None] | None = None,
    ) -> TargetEncoder:
        """The encoder of a target.

        Args:
            names: its columns.
            target: labels, or amounts of shape (rows, columns).
            rows: indices of the training rows; amounts are learned from these.
            labels: all labels that occur, each once or more.
            kind: what the loss compares.
            units: around the amounts of each column.
        """
        fixed = self.threshold if isinstance(self.threshold, float) else None
        if kind == "regression":
            return Quantities.fit(names, target, rows, self.standardize, self.transform, units)
        if self.separator is not None or (kind == "binary" and labels.ndim == 2):
            several = Labels.fit(names, labels, self.separator)
            several.thresholds = None if fixed is None else [fixed] * len(several.labels)
            return several
        classes = Classes.fit(names[0], labels, kind)
        if self.threshold is not None and len(classes.labels) != 2:
            raise ConfigError(
                f"a threshold decides between two classes, the target has {len(classes.labels)}", ("threshold",)
            )
        classes.threshold = fixed
        return classes


def kind_of_encoder(encoder: TargetEncoder) -> TargetKind:
    """The kind of target encoder that a loss needs."""
    if isinstance(encoder, Classes):
        return encoder.kind
    return "binary" if isinstance(encoder, Labels) else "regression"
