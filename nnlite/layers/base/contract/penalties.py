"""Terms that layers add to the loss: activity penalties, and those that `call` adds by `add_loss`."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.arrays.weights import as_eager
from nnlite.errors import ConfigError
from nnlite.jacobians import Contraction, penalized_parts
from nnlite.layers.base.call import LayerTrace, layers_within
from nnlite.layers.base.shapes import tried_with_mask, zeros_for
from nnlite.ops.tape import active_tape, trial_run
from nnlite.ops.tracing import Traced
from nnlite.random import RandomSource

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer

__all__ = []


def record_loss(owner: str, loss: Any) -> None:
    """Keep `loss`, a traced value, as a term of the loss; `ConfigError` for anything else."""
    if not (isinstance(loss, Traced) and isinstance(loss.trace, LayerTrace)):
        raise ConfigError(
            f"{owner}: add_loss takes, inside call, what functions of nnlite.ops and operators make of inputs and "
            f"parameters, got {type(loss).__name__}"
        )
    loss.trace.losses.append(loss)


def adds_losses(layer: "Layer") -> bool:
    """Whether a call of a layer, tried on zeros, adds terms to the loss; assumed if training cannot be tried yet.

    Those of the layers inside count, penalties of their outputs too.
    """
    inputs = zeros_for(layer, layer.input_shape, 1)

    def tried(training: bool) -> bool:
        run = partial(layer.linearize, inputs, *layer.values, training=training, random=RandomSource(0))
        bundle = tried_with_mask(layer, inputs, run)[1]
        return any(True for _ in penalized_parts(bundle))

    with trial_run():
        if tried(False):
            return True
        try:
            return "training" in layer._call_context and tried(True)
        except ConfigError:  # such as that of a schedule before the number of steps is known
            return True


def weight_penalties(layer: "Layer", values: Mapping[int, Any] | None = None) -> list[Any]:
    """The penalty of each trainable weight that has a regularizer; recorded within a training step of the user's.

    Args:
        layer: whose weights, those of layers inside among them.
        values: of weights, by their identity, in place of their own.
    """
    pairs = [(weight, weight.regularizer) for weight in layer.trainable_weights if weight.regularizer is not None]
    tape = active_tape()
    if tape is None or values is not None:
        weighted = [((values or {}).get(id(weight), weight.value), regularizer) for weight, regularizer in pairs]
        return [value.dtype.type(regularizer.penalty(value)) for value, regularizer in weighted]
    return [tape.apply(regularizer, partial(_penalty, regularizer), tape.leaf(weight)) for weight, regularizer in pairs]


def _penalty(regularizer: Any, value: np.ndarray) -> tuple[float, Contraction]:
    """The penalty of a weight with this value, and its derivative."""
    gradient = np.zeros_like(value)
    regularizer.add_gradient(value, gradient)
    return regularizer.penalty(value), Contraction(gradient, gradient.ndim)


@property
def losses_of(layer: "Layer") -> list[Any]:
    """The terms that the last call on arrays added to the loss, then the penalties of the trainable weights.

    Within a training step of the user's they are recorded, and those of all calls in the step.
    """
    tape = active_tape()
    if tape is None:
        return as_eager([*layer._losses, *weight_penalties(layer)])
    owners = {id(layer), *map(id, layers_within(layer))}
    return [*(term for owner, term in tape.terms() if id(owner) in owners), *weight_penalties(layer)]
