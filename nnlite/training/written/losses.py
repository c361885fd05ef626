"""The loss of `compile` with all penalties, as a recorded value."""

from typing import Any

from nnlite import ops
from nnlite.errors import NotReadyError
from nnlite.layers.base.contract.penalties import weight_penalties
from nnlite.layers.base.contract.structure import in_order, leaves_of
from nnlite.losses.output_losses import OutputLosses, each_output
from nnlite.ops.plain.numbers import as_result
from nnlite.ops.tape import Recorded, active_tape
from nnlite.training.train_step import adds_to_loss
from nnlite.training.written.layer_tape import LayerTape
from nnlite.training.written.steps import WrittenSteps

__all__ = ["compiled_loss"]


def compiled_loss(model: Any, steps: WrittenSteps, y: Any, y_pred: Any, sample_weight: Any) -> Any:
    """See `BaseModel.compute_loss`."""
    loss = steps.trainer.loss
    if loss is None:
        return _penalties_alone(model, y_pred)
    y, y_pred = in_order(model._structure, y), in_order(model._structure, y_pred)
    tape: LayerTape | None = active_tape()
    several = isinstance(loss, OutputLosses)
    outputs = y_pred if several else (y_pred,)
    masks = tuple(tape.masks.get(out.slot) if tape and isinstance(out, Recorded) else None for out in outputs)
    steps.mask = (masks if several else masks[0]) if any(mask is not None for mask in masks) else None
    losses, factors = (loss.losses, loss.weights) if several else ([loss], [1.0])
    targets, weights = (y if several else (y,)), each_output(sample_weight, len(outputs))
    values = [
        _value(one, *batch) if factor == 1.0 else _value(one, *batch) * factor
        for one, factor, *batch in zip(losses, factors, targets, outputs, weights, masks, strict=True)
        if one is not None
    ]
    penalties = [tape.penalties(), *weight_penalties(model)] if tape else model.losses
    return as_result(sum([*values[1:], *penalties], values[0]))


def _penalties_alone(model: Any, y_pred: Any) -> Any:
    """The penalties of layers and weights alone, for a loss that is zero itself."""
    tape: LayerTape | None = active_tape()
    outputs = [output for output in leaves_of(y_pred) if isinstance(output, Recorded)]
    if tape is None or not outputs:
        raise NotReadyError(f"{model.label} was compiled without a loss: pass one, or write compute_loss")
    total = tape.penalties() + sum(weight_penalties(model))
    if not adds_to_loss(model):
        raise NotReadyError(f"{model.label} was compiled without a loss: pass one, or write compute_loss")
    return ops.sum(ops.multiply(outputs[0], 0.0)) + total


def _value(loss: Any, y: Any, y_pred: Any, sample_weight: Any, mask: Any) -> Any:
    """The loss of one output."""
    if not isinstance(y_pred, Recorded) or y_pred.ndim == 1:
        return loss(y, y_pred, sample_weight)
    targets, outputs, weights = loss._fitted(y, y_pred.value, sample_weight)
    return y_pred.trace.apply(loss, lambda _: loss.linearize(targets, outputs, weights, mask), y_pred)
