"""Losses of shards, which are divided by the totals of all shards of the batch."""

import copy
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.losses import Loss
from nnlite.losses.output_losses import OutputLosses, each_output

__all__ = ["ShardLosses"]


class ShardLosses:
    """The loss of each output, as a sum over rows and its divisor.

    Args:
        loss: of raw outputs: a `Loss`, or `OutputLosses`.
    """

    def __init__(self, loss: Any) -> None:
        self.several = isinstance(loss, OutputLosses)
        self.losses: list[Loss | None] = list(loss.losses) if self.several else [loss]
        self.weights: list[float] = list(loss.weights) if self.several else [1.0]

    def linearize(self, y: Any, outputs: Any, sample_weight: Any, mask: Any) -> tuple[np.ndarray, list[Any]]:
        """For one shard: `(sum, divisor)` of each output, and the gradients of the sums; None for one without loss."""
        count = len(self.losses)
        targets, predictions = (y, outputs) if self.several else ([y], [outputs])
        masks = (mask or [None] * count) if self.several else [mask]
        numbers, gradients = np.zeros((count, 2)), []
        weights = each_output(sample_weight, count)
        for output, (loss, *data) in enumerate(zip(self.losses, targets, predictions, weights, masks, strict=True)):
            if loss is None:
                gradients.append(None)
                continue
            numbers[output], gradient = _summed(loss, *data)
            gradients.append(gradient)
        return numbers, gradients

    def value(self, numbers: np.ndarray) -> float:
        """The loss of a batch, from the sums over all its shards."""
        return float(sum(weight * numbers[output, 0] * factor for output, weight, factor in self._factors(numbers)))

    def cotangent(self, gradients: list[Any], numbers: np.ndarray) -> Any:
        """The gradients of the loss of the whole batch, from those of the sums of one shard."""
        factors = [weight * factor for _, weight, factor in self._factors(numbers)]
        scaled = [
            None if gradient is None else gradient * gradient.dtype.type(factor)
            for gradient, factor in zip(gradients, factors, strict=True)
        ]
        return tuple(scaled) if self.several else scaled[0]

    def _factors(self, numbers: np.ndarray) -> list[tuple[int, float, float]]:
        """Number and weight of each output, and what the sum of its losses is multiplied by."""
        return [
            (output, weight, 1.0 if loss is None else loss.sum_factor(counted, counted))
            for output, (loss, weight, counted) in enumerate(zip(self.losses, self.weights, numbers[:, 1], strict=True))
        ]


def _summed(loss: Loss, y: Any, outputs: Any, sample_weight: Any, mask: Any) -> tuple[tuple[float, float], Any]:
    """Sum of the losses of these rows and its divisor, and the gradient of the sum."""
    divisors: list[float] = []

    def undivided(size: int, weights: np.ndarray | None) -> int:
        weighs = loss.reduction == "mean_with_sample_weight" and weights is not None
        divisors.append(float(weights.sum()) if weighs and weights is not None else size)
        return 1

    twin = copy.copy(loss)
    vars(twin)["sum_factor"] = undivided
    by_outputs: Any
    value, by_outputs = twin.linearize(y, outputs, sample_weight, mask)
    if divisors[-1] == 1 < len(outputs) and mask is None and sample_weight is None and loss.counts_zeros:
        raise ConfigError(
            f"{type(loss).__name__} gives one number for all rows of a batch, which cannot be cut into shards: let it "
            "return one loss for each row, or train in one process"
        )
    return (value, divisors[-1]), by_outputs.gradients
