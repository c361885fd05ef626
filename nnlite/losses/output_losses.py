"""One loss per output of a model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.errors import ConfigError, DataError
from nnlite.errors.boundary import with_place
from nnlite.jacobians import Bundle, Contraction, Jacobians
from nnlite.losses.base import Loss

__all__ = ["OutputLosses"]


class OutputLosses:
    """The weighted sum of one loss per output, with the methods of a `Loss` on tuples of arrays.

    Args:
        losses: a `Loss` for each output; None for one that is not trained on.
        weights: the factor of each.
        names: what the outputs are called.
    """

    target_kind = "several"
    from_logits = False
    reduction = "sum_over_batch_size"

    def __init__(self, losses: Sequence[Loss | None], weights: Sequence[float], names: Sequence[str]) -> None:
        self.losses = losses
        self.weights = weights
        self.names = names

    def linearize(self, y_true: tuple, y_pred: tuple, sample_weight: Any = None, mask: Any = None) -> tuple[float, Any]:
        """The sum, and its Jacobians with respect to all outputs; sample_weight may be a tuple, one for each."""
        total, gradients = 0, []
        rows = each_output(sample_weight, len(self.losses))
        parts = zip(self.losses, self.weights, y_true, y_pred, rows, self._masks(mask), strict=True)
        for loss, weight, target, output, row_weights, output_mask in parts:
            if loss is None:
                gradients.append(None)
                continue
            jacobian: Any
            value, jacobian = loss.linearize(target, output, row_weights, output_mask)
            total += weight * value
            gradients.append(jacobian.gradients * weight)
        return total, OutputGradients(gradients)

    def curvature(self, y_true: tuple, y_pred: tuple, sample_weight: Any = None, mask: Any = None) -> Any:
        """The second derivative with respect to all outputs: a block for each."""
        blocks = [
            None if loss is None else loss.curvature(target, output, row_weights, output_mask)
            for loss, target, output, row_weights, output_mask in zip(
                self.losses,
                y_true,
                y_pred,
                each_output(sample_weight, len(self.losses)),
                self._masks(mask),
                strict=True,
            )
        ]
        return OutputCurvature(blocks, self.weights)

    def _masks(self, mask: tuple | None) -> Sequence[np.ndarray | None]:
        return mask or [None] * len(self.losses)

    def prepare_targets(self, y_true: Sequence[Any], output_shapes: Sequence[tuple], dtype: Any) -> tuple:
        """Targets in the form that each loss compares with its output."""
        prepared = []
        for name, loss, target, shape in zip(self.names, self.losses, y_true, output_shapes, strict=True):
            try:
                prepared.append(target if loss is None else loss.prepare_targets(target, shape, dtype))
            except DataError as error:
                raise with_place(error, f"output {name!r}") from None
        return tuple(prepared)


class OutputGradients(Bundle):
    """The derivative of a scalar with respect to all outputs: a gradient for each, None for an output without loss.

    A step of training needs the gradients alone; the maps are made when they are asked for.
    """

    __slots__ = ("gradients",)

    def __init__(self, gradients: Sequence[np.ndarray | None]) -> None:
        self.gradients = tuple(gradients)

    @property
    def mixes_rows(self) -> bool:
        return True

    @property
    def data(self) -> int:
        """Number of outputs; the loss has no parameters."""
        return len(self.gradients)

    def _as_maps(self) -> Jacobians:
        return Jacobians(*[self[index] for index in range(len(self))])

    def vjp(
        self,
        cotangent: np.ndarray,
        wanted: Sequence[bool] | None = None,
        into: Sequence[np.ndarray | None] | None = None,
    ) -> tuple:
        """`cotangent`, a scalar with leading seed axes, times each gradient."""
        return self._as_maps().vjp(cotangent, wanted, into)

    def jvp(self, *tangents: np.ndarray | None) -> np.ndarray | None:
        """The change of the number for the changes of all outputs."""
        return self._as_maps().jvp(*tangents)

    def __len__(self) -> int:
        return len(self.gradients)

    def __getitem__(self, index: int) -> Contraction | None:
        gradient = self.gradients[index]
        return None if gradient is None else Contraction(gradient, gradient.ndim)


class OutputCurvature(NamedTuple):
    """The second derivative of a weighted sum of losses: a symmetric block per output, None without loss."""

    blocks: Sequence
    weights: Sequence[float]

    def jvp(self, tangents: Any) -> tuple:
        """Each block, times its weight, times the tangent of its output."""
        parts = zip(self.blocks, self.weights, tangents, strict=True)
        return tuple(None if block is None else block.jvp(tangent) * weight for block, weight, tangent in parts)


def each_output(sample_weight: Any, count: int) -> Sequence[np.ndarray | None]:
    """The weights of the rows of each output, from those of each or those of all."""
    return sample_weight if isinstance(sample_weight, tuple) else [sample_weight] * count


def is_by_name(argument: Any) -> bool:
    """Whether an argument is a dict by the names of outputs: that of a spec holds another dict, or None.

    >>> is_by_name({"cls": "mse"}), is_by_name({"Huber": {"delta": 2.0}}), is_by_name({"Huber": None})
    (True, False, False)
    """
    if not isinstance(argument, dict) or "class_name" in argument:
        return False
    return any(value is not None and not isinstance(value, dict) for value in argument.values())


def single_loss(loss: Any) -> Any:
    """The loss in a list of one; anything else as it is."""
    return loss[0] if isinstance(loss, (list, tuple)) and len(loss) == 1 else loss


def by_output(argument: Any, names: Sequence[str], what: str) -> list:
    """A list with one entry per output, from a list, a dict by name, or one entry for all.

    Raises:
        ConfigError: another number of entries, or a name that no output has.
    """
    if isinstance(argument, dict) and (set(argument) & set(names) or is_by_name(argument)):
        strangers = set(argument) - set(names)
        if strangers:
            raise ConfigError(f"{what} names {sorted(strangers, key=str)[0]!r}; the outputs are {', '.join(names)}")
        return [argument.get(name) for name in names]
    if isinstance(argument, (list, tuple)):
        if len(argument) != len(names):
            raise ConfigError(f"{what} has {len(argument)} entries for {len(names)} outputs: {', '.join(names)}")
        return list(argument)
    return [argument] * len(names)
