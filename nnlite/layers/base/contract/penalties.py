"""Terms that layers add to the loss: activity penalties, and those that `call` adds by `add_loss`."""

from functools import partial
from typing import TYPE_CHECKING, Any

from nnlite.errors import ConfigError
from nnlite.jacobians import AddedLoss, penalized_parts
from nnlite.layers.base.call import LayerTrace
from nnlite.layers.base.shapes import tried_with_mask, zeros_for
from nnlite.ops.tape import trial_run
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
    """Whether a call of a layer, tried on zeros, adds terms to the loss; assumed if training cannot be tried yet."""
    inputs = zeros_for(layer, layer.input_shape, 1)

    def tried(training: bool) -> bool:
        run = partial(layer.linearize, inputs, *layer.values, training=training, random=RandomSource(0))
        bundle = tried_with_mask(layer, inputs, run)[1]
        return any(isinstance(part, AddedLoss) for part in penalized_parts(bundle))

    with trial_run():
        if tried(False):
            return True
        try:
            return "training" in layer._call_context and tried(True)
        except ConfigError:  # such as that of a schedule before the number of steps is known
            return True


def weight_penalties(layer: "Layer") -> list[float]:
    """The penalty of each trainable weight that has a regularizer."""
    return [
        weight.regularizer.penalty(weight.value) for weight in layer.trainable_weights if weight.regularizer is not None
    ]
