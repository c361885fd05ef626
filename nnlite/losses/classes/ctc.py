"""Connectionist temporal classification, a loss for label sequences without alignment."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import DataError, ShapeError
from nnlite.jacobians import Contraction
from nnlite.jacobians.maps.base import Jacobian
from nnlite.kernels import log_softmax
from nnlite.losses.base import Loss
from nnlite.losses.classification import whole_numbers

__all__ = ["CTC"]

BLANK = 0  # the class of no label, which also fills up short rows of targets
IMPOSSIBLE = -1e300  # a logarithm of 0 that complex steps pass through


class CTC(Loss):
    """Connectionist temporal classification: -log of the probability of all alignments that spell the labels.

    An alignment has one class for each step; without repetitions, then without blanks (class 0), it spells a sequence
    of labels. Its probability is the product of the steps' softmax; all are summed by one walk forwards and one
    backwards, in logarithms and double precision.

    Shape: y_true `(batch, labels)`, integers, 0 after the last label of a row; y_pred `(batch, steps, classes)`,
    logits; one loss for each row of the batch. A mask `(batch, steps)` takes steps out.

    Raises:
        DataError: targets that are not classes, a 0 between labels, more labels than there are steps for: one each, and
            one between two that are equal. Keras returns infinity there.
        ShapeError: targets or outputs of another rank.

    Reference: Graves et al. 2006, "Connectionist temporal classification".

    >>> import numpy as np
    >>> round(CTC()([[1]], np.zeros((1, 2, 2))), 4)  # 1-1, 0-1 and 1-0 of four alignments
    0.2877
    """

    target_kind = "sparse"
    from_logits = True

    def per_row(self, y_true: np.ndarray, y_pred: Array) -> tuple[np.ndarray, Jacobian]:
        return self._by_steps(y_true, y_pred, None)

    def linearize(
        self,
        y_true: np.ndarray,
        y_pred: Array,
        sample_weight: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> tuple[Any, Jacobian]:
        """As `Loss.linearize`; masked steps are removed."""
        if mask is None or mask.shape != y_pred.shape[:2] or self._adapts(y_pred):
            return super().linearize(y_true, y_pred, sample_weight, mask)
        losses, rows = self._by_steps(y_true, y_pred, mask)
        return self._reduced(losses, rows, sample_weight, None)

    def _by_steps(self, y_true: np.ndarray, y_pred: Array, mask: np.ndarray | None) -> tuple[np.ndarray, Jacobian]:
        wide: Any = y_pred.astype(np.result_type(y_pred, np.float64), copy=False)
        counted = np.ones(y_pred.shape[:2], bool) if mask is None else mask
        _check_room(y_true, counted.sum(axis=1))
        log_p = log_softmax(wide)
        states = _with_blanks(y_true)
        scores = np.take_along_axis(log_p, np.broadcast_to(states[:, None], (*y_pred.shape[:2], states.shape[1])), -1)
        walk = _Walk(scores.swapaxes(0, 1), states, counted.T[..., None])
        ahead, behind = walk.forwards(), walk.backwards()
        total = _log_sum(ahead[-1] + walk.last)
        shares = np.exp(ahead[1:] + behind[1:] - total[:, None]).swapaxes(0, 1)
        spelled = states[..., None] == np.arange(y_pred.shape[-1])
        gradient = (np.exp(log_p) - np.matmul(shares, spelled.astype(shares.dtype))) * counted[..., None]
        return (-total).astype(y_pred.dtype), Contraction(gradient.astype(y_pred.dtype), 2)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        if len(output_shape) != 3:
            raise ShapeError(f"CTC needs outputs of shape (batch, steps, classes), got {tuple(output_shape)}")
        labels = whole_numbers(targets, "CTC")
        if labels.ndim != 2:
            raise ShapeError(f"CTC needs targets of shape (batch, labels), got {labels.shape}")
        classes: Any = output_shape[-1]
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            offender = labels[(labels < 0) | (labels >= classes)].flat[0]
            raise DataError(f"CTC: the targets hold class {offender}, but the model has {classes} outputs")
        gaps = (labels[:, :-1] == BLANK) & (labels[:, 1:] != BLANK)
        if gaps.any():
            row = int(gaps.any(axis=1).argmax())
            raise DataError(f"CTC: 0 means no label and may only follow the last label, got {labels[row].tolist()}")
        return labels


class _Walk:
    """The recursions over steps of `(batch, states)` logarithms of probabilities.

    Args:
        scores: log of the probability of each state's class, `(steps, batch, states)`.
        states: the class of each state, blanks between labels, `(batch, states)`.
        counted: whether a step counts, `(steps, batch, 1)`; one that does not changes nothing.
    """

    def __init__(self, scores: Array, states: np.ndarray, counted: np.ndarray) -> None:
        self.scores, self.counted = scores, counted
        self.skips = np.zeros(states.shape, bool)  # whether a state may follow the one two before it
        self.skips[:, 2:] = (states[:, 2:] != BLANK) & (states[:, 2:] != states[:, :-2])
        ends = 2 * (states[:, 1::2] != BLANK).sum(axis=1)
        places = np.arange(states.shape[1])
        final = (places == ends[:, None]) | (places == ends[:, None] - 1)
        self.last = np.where(final, 0.0, IMPOSSIBLE)

    def forwards(self) -> Array:
        """log P(steps so far, state) before the first step and after each; `(steps + 1, batch, states)`."""
        log_alpha: Array = np.empty((len(self.scores) + 1, *self.last.shape), self.scores.dtype)
        log_alpha[0] = IMPOSSIBLE
        log_alpha[0, :, 0] = 0
        for before, after, score, counts in zip(log_alpha, log_alpha[1:], self.scores, self.counted, strict=False):
            ways = np.full((3, *before.shape), IMPOSSIBLE, before.dtype)
            ways[0], ways[1, :, 1:] = before, before[:, :-1]
            ways[2, :, 2:] = np.where(self.skips[:, 2:], before[:, :-2], IMPOSSIBLE)
            after[...] = np.where(counts, _log_sum(ways, 0) + score, before)
        return log_alpha

    def backwards(self) -> Array:
        """log P(steps to come | state), of the same shape."""
        log_beta: Array = np.empty((len(self.scores) + 1, *self.last.shape), self.scores.dtype)
        log_beta[-1] = self.last
        steps = zip(log_beta[-2::-1], log_beta[:0:-1], self.scores[::-1], self.counted[::-1], strict=True)
        for before, after, score, counts in steps:
            coming = after + score
            ways = np.full((3, *after.shape), IMPOSSIBLE, after.dtype)
            ways[0], ways[1, :, :-1] = coming, coming[:, 1:]
            ways[2, :, :-2] = np.where(self.skips[:, 2:], coming[:, 2:], IMPOSSIBLE)
            before[...] = np.where(counts, _log_sum(ways, 0), after)
        return log_beta


def _with_blanks(labels: np.ndarray) -> np.ndarray:
    """The states that alignments walk through: a blank, then each label and a blank."""
    states = np.full((len(labels), 2 * labels.shape[1] + 1), BLANK, labels.dtype)
    states[:, 1::2] = labels
    return states


def _check_room(labels: np.ndarray, steps: np.ndarray) -> None:
    """`DataError` for a row with more labels than its steps can spell."""
    repeats = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] != BLANK)
    needed = (labels != BLANK).sum(axis=1) + repeats.sum(axis=1)
    if (needed > steps).any():
        row = int((needed > steps).argmax())
        raise DataError(f"CTC: the labels of row {row} need {needed[row]} steps, the outputs have {steps[row]}")


def _log_sum(values: Array, axis: int = -1) -> Array:
    """log(sum(exp(values))) along an axis; analytic in complex values."""
    highest = values.real.max(axis=axis, keepdims=True)
    return np.log(np.exp(values - highest).sum(axis=axis)) + np.squeeze(highest, axis)
