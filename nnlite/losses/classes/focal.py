"""Cross-entropies that reduce the weight of well-classified examples."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Contraction
from nnlite.jacobians.maps.base import Jacobian
from nnlite.kernels import log_softmax, sigmoid, softplus
from nnlite.losses.base import Loss
from nnlite.losses.classification import clipped_chances, fractions, smoothed
from nnlite.losses.elementwise import Elementwise
from nnlite.ops.activations import Sigmoid, Softmax
from nnlite.registry.bounds import Fraction, NonNegative

__all__ = ["BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"]


class BinaryFocalCrossentropy(Elementwise):
    """(1 - p_t) ** gamma times the binary cross-entropy, p_t = y_true * p + (1 - y_true) * (1 - p); mean over `axis`.

    Args:
        apply_class_balancing: whether class 1 has the weight `alpha`, and class 0 the weight `1 - alpha`.
        alpha: see there.
        gamma: how much less the elements count that are classified well; 0 for the cross-entropy itself.
        from_logits: p = sigmoid(y_pred) instead of p = y_pred; exact for all values.
        label_smoothing: moves targets towards 1/2 by this fraction.
        axis: over which the mean is taken.

    Reference: Lin et al. 2018, arXiv:1708.02002.

    >>> BinaryFocalCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]).__round__(4)
    0.2678
    """

    apply_class_balancing: bool = False
    alpha: Fraction = 0.25
    gamma: NonNegative = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    target_kind = "binary"
    link = Sigmoid

    def elements(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any]:
        parts = self._parts(y_true, y_pred)
        return parts[0], parts[1]

    def curvatures(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return self._parts(y_true, y_pred)[2]

    def _parts(self, y_true: np.ndarray, y_pred: Array) -> tuple[Any, Any, Any]:
        """The loss of each element, and its first and second derivative with respect to `y_pred`.

        With u = 1 - p_t and the cross-entropy c, the loss is w * u ** gamma * c.
        """
        t = smoothed(y_true, self.label_smoothing, 2)
        if self.from_logits:
            p, q = sigmoid(y_pred), sigmoid(-y_pred)
            c = t * softplus(-y_pred) + (1 - t) * softplus(y_pred)
            c1, c2 = (1 - t) * p - t * q, p * q
            u, u1 = t * q + (1 - t) * p, (1 - 2 * t) * p * q
            u2 = u1 * (q - p)
        else:
            p, inside = clipped_chances(y_pred)
            q = 1 - p
            c = -(t * np.log(p) + (1 - t) * np.log(q))
            c1, c2 = ((1 - t) / q - t / p) * inside, (t / (p * p) + (1 - t) / (q * q)) * inside
            u, u1, u2 = t * q + (1 - t) * p, (1 - 2 * t) * inside, 0
        f, f1, f2 = powers(u, self.gamma)
        slopes = f1 * u1 * c + f * c1
        curvatures = (f2 * u1 * u1 + f1 * u2) * c + 2 * f1 * u1 * c1 + f * c2
        if not self.apply_class_balancing:
            return f * c, slopes, curvatures
        w = t * self.alpha + (1 - t) * (1 - self.alpha)
        return w * f * c, w * slopes, w * curvatures

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        return fractions(super().read_targets(targets, output_shape, dtype), self)


class CategoricalFocalCrossentropy(Loss):
    """sum(alpha * (1 - p) ** gamma * -y_true * log(p)) over `axis`, y_true one-hot or a distribution.

    Args:
        alpha: a weight of all classes, or a list with one for each.
        gamma: how much less rows count that are classified well; 0 for the cross-entropy itself.
        from_logits: p = softmax(y_pred) instead of p = y_pred / sum(y_pred); exact for all values.
        label_smoothing: moves targets towards the uniform distribution by this fraction.
        axis: that of the classes.

    Reference: Lin et al. 2018, arXiv:1708.02002.

    >>> CategoricalFocalCrossentropy()([[0, 1, 0]], [[0.05, 0.9, 0.05]]).__round__(7)
    0.0002634
    """

    alpha: float | list[float] = 0.25
    gamma: NonNegative = 2.0
    from_logits: bool = False
    label_smoothing: Fraction = 0.0
    axis: int = -1

    target_kind = "categorical"
    link = Softmax

    def validate(self) -> None:
        super().validate()
        if np.min(self.alpha, initial=0) < 0:
            raise ConfigError(f"needs weights >= 0, got {self.alpha}", ("CategoricalFocalCrossentropy", "alpha"))

    def per_row(self, y_true: np.ndarray, y_pred: Array) -> tuple[np.ndarray, Jacobian]:
        if self.from_logits:
            log_p = log_softmax(y_pred)
            rest = -np.expm1(log_p)
            losses, slopes = self._by_log(y_true, log_p, rest)
            total = slopes.sum(axis=-1, keepdims=True)
            return losses.sum(axis=-1), Contraction(slopes * rest - np.exp(log_p) * (total - slopes))
        total = y_pred.sum(axis=-1, keepdims=True)
        p, inside = clipped_chances(y_pred / total)
        losses, by_log = self._by_log(y_true, np.log(p), 1 - p)
        slopes = by_log / p * inside
        return losses.sum(axis=-1), Contraction((slopes - (slopes * p).sum(axis=-1, keepdims=True)) / total)

    def _by_log(self, y_true: np.ndarray, log_p: Any, rest: Any) -> tuple[Any, Any]:
        """The loss of each class, and its derivative with respect to log(p); `rest` is 1 - p."""
        t = smoothed(y_true, self.label_smoothing, y_true.shape[-1])
        weight = -t * np.asarray(self.alpha, t.dtype)
        f, f1, _ = powers(rest, self.gamma)
        return weight * f * log_p, weight * (f - f1 * np.exp(log_p) * log_p)

    def read_targets(self, targets: np.ndarray, output_shape: BatchShape, dtype: np.dtype) -> np.ndarray:
        units = output_shape[self.axis]
        if np.size(self.alpha) not in (1, units):
            raise ShapeError(f"CategoricalFocalCrossentropy has {np.size(self.alpha)} weights for {units} classes")
        return fractions(super().read_targets(targets, output_shape, dtype), self)


def powers(base: Any, exponent: float) -> tuple[Any, Any, Any]:
    """base ** exponent and its first two derivatives with respect to `base`, finite at 0; both arguments >= 0."""
    base = np.where(base.real > 0, base, np.finfo(base.real.dtype).tiny)
    zero = np.zeros((), base.real.dtype)
    first = exponent * base ** (exponent - 1) if exponent else zero
    second = exponent * (exponent - 1) * base ** (exponent - 2) if exponent not in (0, 1) else zero
    return base**exponent, first, second
