"""A loss for embeddings that pulls those of one class together."""

from typing import Any, cast

import numpy as np

from nnlite import ops
from nnlite.arrays.types import BatchShape
from nnlite.errors import ShapeError
from nnlite.losses.base import Loss
from nnlite.losses.classification import whole_numbers
from nnlite.ops.tracing import Traced
from nnlite.registry.bounds import Positive

__all__ = ["Circle"]

FAR = 1e30  # of a pair that does not count, before the exponential function


class Circle(Loss):
    """log(1 + sum(exp(gamma * w_n * (s_n))) * sum(exp(-gamma * w_p * s_p))) over each row's pairs with all other rows.

    With the distance d = max(1 - e . e', 0) of two embeddings of unit length, a pair of one class has
    w_p = margin + d and s_p = margin - d, one of two classes w_n = max(1 + margin - d, 0) and s_n = 1 - margin - d.
    Rows whose loss is 0, among them those that lack pairs of either kind, do not count.

    Shape: y_true `(batch,)` or `(batch, 1)`, integers; y_pred `(batch, features)`, each row of unit length.

    Args:
        gamma: > 0, how steep the loss is.
        margin: how far apart distances within a class and between classes shall be.
        remove_diagonal: whether a row makes no pair with itself.

    Reference: Sun et al. 2020, arXiv:2002.10857.

    >>> Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]).__round__(4)
    0.789
    """

    gamma: Positive = 80.0
    margin: float = 0.4
    remove_diagonal: bool = True

    target_kind = "sparse"
    counts_zeros = False
    references = cast("tuple[np.ndarray, np.ndarray | None] | None", None)  # classes and embeddings to pair with

    def call(self, y_true: np.ndarray, y_pred: Any) -> Any:
        """The loss of each row, from its similarities with the other rows."""
        if not isinstance(y_pred, Traced):
            return self.per_row(*self._fitted(y_true, y_pred, None)[:2])[0]
        kind = cast(Any, y_pred.value).real.dtype
        labels, references = self.references or (y_true, None)
        embeddings = y_pred if references is None else references
        alike = y_true[:, None] == labels
        others = ~alike
        if self.remove_diagonal:
            alike = alike & ~np.eye(*alike.shape, dtype=bool)
        apart = ops.maximum(1 - y_pred @ embeddings.T, np.zeros((), kind))
        near = -self.gamma * (self.margin + apart) * (self.margin - apart)
        far = self.gamma * ops.maximum(1 + self.margin - apart, np.zeros((), kind)) * (1 - self.margin - apart)
        nothing = np.full(alike.shape, -min(FAR, float(np.finfo(kind).max) / 4), kind)
        pulls = ops.logsumexp(ops.where(alike, near, nothing), axis=1)
        return ops.softplus(pulls + ops.logsumexp(ops.where(others, far, nothing), axis=1))

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        if targets.ndim == 2 and targets.shape[-1] == 1:
            targets = targets[:, 0]
        if targets.ndim != 1 or len(output_shape) != 2:
            raise ShapeError(
                f"Circle needs class numbers of shape ('batch',) and embeddings of shape (batch, features), got "
                f"{targets.shape} and {tuple(output_shape)}"
            )
        return whole_numbers(targets, "Circle")
