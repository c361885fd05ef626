"""Losses and weights that are not finite: detected in the batch, and reported with their origin."""

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nnlite.errors import DivergenceError
from nnlite.random import RandomSource
from nnlite.training.parameter_names import parameter_names

if TYPE_CHECKING:
    from nnlite.training.train_step import Steps

__all__ = ["NotFinite", "OnDivergence", "check_weights", "divergence"]

OnDivergence = Literal["stop", "restore", "ignore"]
REMEDIES = (
    "Try a smaller learning rate, inputs brought to a common scale (a Normalization layer first), or clipnorm=1.0 in "
    "the optimizer"
)


class NotFinite(Exception):
    """A step with a loss, or weights, that are not finite; raised before it changes the weights.

    Args:
        value: the loss; None if weights were found.
        x: the inputs of the batch; None if there are none.
        before: how many batches the same call of the step was done with by then.
    """

    def __init__(self, value: Any = None, x: Any = None, before: int = 0) -> None:
        super().__init__(value)
        self.value, self.x, self.before = value, x, before


class _Watched:
    """A layer that reports, the first time, an output that is not finite; everything else is its own."""

    def __init__(self, layer: Any, label: str, broken: list[str]) -> None:
        self.__dict__.update(_layer=layer, _label=label, _broken=broken)

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._layer, attribute)
        return self._watch(value) if attribute == "linearize" else value

    def _watch(self, linearize: Any) -> Any:
        def watched(*arguments: Any, **options: Any) -> Any:
            result = linearize(*arguments, **options)
            if not finite(result[0]):
                self._broken.append(self._label)
            return result

        return watched


def finite(value: Any) -> bool:
    """Whether an array, or each of a tuple, is finite; non-numeric arrays count as finite."""
    if isinstance(value, tuple):
        return all(map(finite, value))
    return not isinstance(value, np.ndarray) or value.dtype.kind not in "fc" or bool(np.isfinite(value).all())


def check_weights(steps: "Steps") -> None:
    """`NotFinite` unless all parameters are finite."""
    if not all(finite(parameter.value) for parameter in steps.parameters):
        raise NotFinite()


def divergence(steps: "Steps", failure: NotFinite, epoch: int, batch: int) -> DivergenceError:
    """The error that names epoch and batch (from 1), layer, learning rate and largest input, and suggests remedies."""
    with np.errstate(all="ignore"):
        origin = _origin(steps, failure)
        largest = "" if failure.x is None else f", largest input {_largest(failure.x):.4g}"
    what = "weights are not finite" if failure.value is None else f"the loss is {float(failure.value):g}"
    rate = steps.optimizer.current_learning_rate
    return DivergenceError(
        f"training diverged in epoch {epoch + 1}, batch {batch}: {what}; {origin}; learning rate {rate:.4g}{largest}. "
        f"{REMEDIES}"
    )


def _origin(steps: "Steps", failure: NotFinite) -> str:
    """The first part that is not finite: weights, after the step before; the output of a layer; the loss."""
    names = parameter_names(steps.trainer.model, "/")
    broken = [name for name, parameter in zip(names, steps.parameters, strict=True) if not finite(parameter.value)]
    if broken:  # a gradient goes back from the last layer, and what it meets on its way is lost too
        return f"the weights {broken[-1]} are not, since the update of the step before"
    if failure.x is None or not finite(failure.x):
        return "the inputs are not finite"
    labels: list[str] = []

    def watch(number: int, layer: Any) -> Any:
        return _Watched(layer, f"{steps.chain.labels[number][0]} ({type(layer).__name__})", labels)

    program = steps.chain.with_layers(watch)
    random = RandomSource(steps.seed, steps.optimizer.batches)
    program.run(failure.x, program.group(steps.trainer.model.values), True, random)
    if labels:
        return f"the first output that is not finite is that of {labels[0]}"
    return "all outputs are finite, but the loss of them is not"


def _largest(x: Any) -> float:
    parts = [part for part in (x if isinstance(x, tuple) else (x,)) if part.dtype.kind in "biuf" and part.size]
    return max((float(np.abs(part).max()) for part in parts), default=math.nan)
