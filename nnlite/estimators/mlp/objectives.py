"""Objective of scikit-learn's multi-layer perceptron, as a function of the outputs before the last activation."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nnlite import kernels
from nnlite.kernels.reference.forms import SIGMOID_CROSSENTROPY, SQUARED_ERROR, LossForm
from nnlite.losses import Loss, SparseCategoricalCrossentropy

__all__ = ["Objective", "objective_of"]


class SummedBinaryCrossentropy(Loss, abstract=True):
    """log(1 + exp(y_pred)) - y_true * y_pred, summed over outputs: `y_pred` are logits of independent labels."""

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        return kernels.sigmoid_crossentropy(y_pred, y_true, scale, weights)

    def step_form(self) -> LossForm:
        return LossForm(SIGMOID_CROSSENTROPY, averages=False)


class HalfSquaredError(Loss, abstract=True):
    """(y_true - y_pred) ** 2 / 2, summed over outputs."""

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        return kernels.squared_error(y_true, y_pred, scale / 2, weights)

    def step_form(self) -> LossForm:
        return LossForm(SQUARED_ERROR, factor=0.5, averages=False)


class HalfPoissonDeviance(Loss, abstract=True):
    """mean - y_true * log(mean) + y_true * log(y_true) - y_true, summed over outputs: `y_pred` is log(mean)."""

    def total(
        self, y_true: np.ndarray, y_pred: np.ndarray, scale: float, weights: np.ndarray | None = None
    ) -> tuple[float, np.ndarray]:
        mean = np.exp(y_pred)
        losses = mean - y_true * y_pred + y_true * np.log(np.where(y_true > 0, y_true, 1)) - y_true
        gradient = (mean - y_true) * scale
        if weights is not None:
            losses, gradient = losses * weights[:, None], gradient * weights[:, None]
        return losses.sum().item() * scale, gradient


class Objective(NamedTuple):
    """The objective, and the part of it that scikit-learn reports.

    Attributes:
        loss: a mean over rows.
        shown: `loss_` is this share of it: scikit-learn minimizes the sum of several targets' half squared errors, and
            shows their mean.
        surplus: by targets and logits, what the loss of each row is above the one that scikit-learn counts; None if
            these are the same.
    """

    loss: Loss
    shown: float = 1.0
    surplus: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None

    def beyond(self, y: np.ndarray, logits: np.ndarray) -> np.ndarray | None:
        """The part of each row's loss that scikit-learn leaves out; None if there is none.

        It counts no probability as less than `eps`, the relative precision of numbers, and so no cross-entropy above
        `-log(eps)`; its gradients are those of the whole loss.
        """
        if self.surplus is None or max(logits.max(), -logits.min()) <= largest_entropy(logits) / 3:
            return None
        return self.surplus(y, logits)


def largest_entropy(logits: np.ndarray) -> float:
    """The largest cross-entropy that scikit-learn counts in this precision."""
    return -math.log(np.finfo(logits.dtype).eps)


def _surplus_of_classes(y: np.ndarray, logits: np.ndarray) -> np.ndarray:
    entropies = np.logaddexp.reduce(logits, axis=1) - np.take_along_axis(logits, y[:, None], axis=1)[:, 0]
    return np.maximum(entropies - largest_entropy(logits), 0)


def _surplus_of_labels(y: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Sum over the labels of a row; the probability of a missing label is rounded as `1 - p` is."""
    from scipy.special import expit

    eps = np.finfo(logits.dtype).eps
    likely = np.clip(expit(logits), eps, 1 - eps)
    counted = -np.log(np.where(y > 0.5, likely, 1 - likely))
    return (np.logaddexp(0, logits) - y * logits - counted).sum(axis=1)


def objective_of(out_activation: str, n_outputs: int) -> Objective:
    """The objective that goes with the activation of the last layer."""
    if out_activation == "softmax":
        return Objective(SparseCategoricalCrossentropy(from_logits=True), surplus=_surplus_of_classes)
    if out_activation == "logistic":
        return Objective(SummedBinaryCrossentropy(), surplus=_surplus_of_labels)
    if out_activation == "exp":
        return Objective(HalfPoissonDeviance())
    return Objective(HalfSquaredError(), 1 / n_outputs)
