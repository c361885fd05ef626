"""Outputs batch by batch, and the Jacobian of each row if requested."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.callbacks import CallbackList
from nnlite.callbacks.bars import errors_below_bar
from nnlite.config import dense_limit
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import NetworkJacobian
from nnlite.jacobians.maps.base import readable_bytes
from nnlite.layers.base.call import moves_on
from nnlite.layers.base.contract.structure import of_kind
from nnlite.training.epoch import Batches
from nnlite.training.inputs import built_inputs
from nnlite.training.trainable import Trainable

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer


@errors_below_bar()
def run_prediction(
    trainer: "Trainer", batches: Batches, callbacks: CallbackList, return_jacobian: bool
) -> tuple[Any, list]:
    """The outputs in the form that users get and, if wanted, the Jacobian of each row with respect to its inputs."""
    model = trainer.model
    outputs, jacobians, moves = [], [], moves_on(model)
    trainer.stop_predicting = False
    model.make_predict_function()
    callbacks.on_predict_begin({})
    written = model._writes_prediction and not return_jacobian
    execution, heard = trainer.steps_per_execution, callbacks.wants("on_predict_batch_end")
    for batch, (inputs, _, _) in enumerate(batches.epoch()):
        if batch % execution == 0:
            callbacks.on_predict_batch_begin(batch, {})
        if written:
            outputs.append(outputs_at_once(model, inputs))
        else:
            output, maps = model.linearize(inputs, *model.values)
            outputs.append(output)
            if moves:
                model.update_state(maps.state)
            if return_jacobian:
                jacobians.append(_of_rows(model, inputs, output, maps))
                _check_bytes(sum(array.nbytes for array in jacobians), model)
        if heard and (batch + 1) % execution == 0:
            callbacks.on_predict_batch_end(batch, {"outputs": _returned(model, outputs[-execution:], written)})
        if trainer.stop_predicting:
            break
    if heard and (rest := len(outputs) % execution):
        callbacks.on_predict_batch_end(len(outputs) - 1, {"outputs": _returned(model, outputs[-rest:], written)})
    callbacks.on_predict_end({})
    return _returned(model, outputs, written), jacobians


def _returned(model: Trainable, batches: list, written: bool) -> Any:
    """The outputs of several batches as users get them, which those of a `predict_step` are already."""
    return joined(batches) if written else model._as_returned(joined(batches))


def outputs_at_once(model: Trainable, inputs: Any) -> Any:
    """The outputs for a single batch, by the `predict_step` of the model's class if it has one."""
    return _as_arrays(model.predict_step(inputs) if model._writes_prediction else model(inputs))


def few_outputs(model: Trainable, x: Any) -> np.ndarray | None:
    """The outputs for a few rows as users pass them, by a quicker way; None if there is none."""
    return None if model._writes_prediction else model._outputs_alone(x)


def outputs_on_batch(model: Trainable, x: Any) -> Any:
    """The outputs for all rows at once, as users pass them."""
    outputs = few_outputs(model, x)
    return outputs_at_once(model, built_inputs(model, x)) if outputs is None else outputs


def _as_arrays(output: Any) -> Any:
    """Nested outputs of a step or of a model as plain arrays of NumPy."""
    if isinstance(output, dict):
        return {name: _as_arrays(value) for name, value in output.items()}
    if isinstance(output, (tuple, list)):
        return of_kind(output, [_as_arrays(value) for value in output])
    return np.asarray(output)


def joined(batches: list) -> Any:
    """Outputs of several batches, concatenated; nested as each is."""
    if isinstance(batches[0], dict):
        return {name: joined([batch[name] for batch in batches]) for name in batches[0]}
    if isinstance(batches[0], (tuple, list)):
        return of_kind(batches[0], [joined(list(parts)) for parts in zip(*batches, strict=True)])
    return np.concatenate(batches)


def _of_rows(model: Trainable, inputs: Any, output: Any, maps: Any) -> np.ndarray:
    if isinstance(inputs, tuple) or isinstance(output, tuple):
        raise ConfigError(
            f"{model.label} has several inputs or outputs: use its vjp or jvp in place of return_jacobian"
        )
    if maps[0] is None:
        raise ConfigError(
            f"{model.label} takes indices or strings, which have no derivative: leave return_jacobian out"
        )
    return NetworkJacobian(maps, None, inputs.shape, output.shape).per_example()


def _check_bytes(nbytes: int, model: Trainable) -> None:
    if nbytes > dense_limit():
        raise DataError(
            f"{model.label}: the Jacobians of all rows take more than {readable_bytes(dense_limit())}: predict fewer "
            f"rows at once, or raise the limit with nnlite.config.set_dense_limit(bytes)"
        )
