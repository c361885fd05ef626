"""Outputs batch by batch, and the Jacobian of each row if requested."""

from typing import Any

import numpy as np

from nnlite.callbacks import CallbackList
from nnlite.config import dense_limit
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import NetworkJacobian
from nnlite.jacobians.maps.base import readable_bytes
from nnlite.layers.base.call import moves_on
from nnlite.training.epoch import Batches
from nnlite.training.trainable import Trainable


def run_prediction(
    model: Trainable, batches: Batches, callbacks: CallbackList, return_jacobian: bool
) -> tuple[list, list]:
    """The outputs of each batch and, if wanted, the Jacobian of each row with respect to that row's inputs."""
    outputs, jacobians, moves = [], [], moves_on(model)
    callbacks.on_predict_begin({})
    written = model.predict_step if model._writes_prediction and not return_jacobian else None
    for batch, (inputs, _, _) in enumerate(batches.epoch()):
        callbacks.on_predict_batch_begin(batch, {})
        if written is not None:
            outputs.append(_as_output(written(inputs)))
            callbacks.on_predict_batch_end(batch, {"outputs": outputs[-1]})
            continue
        output, maps = model.linearize(inputs, *model.values)
        outputs.append(output)
        if moves:
            model.update_state(maps.state)
        if return_jacobian:
            jacobians.append(_of_rows(model, inputs, output, maps))
            _check_bytes(sum(array.nbytes for array in jacobians), model)
        callbacks.on_predict_batch_end(batch, {"outputs": output})
    callbacks.on_predict_end({})
    return outputs, jacobians


def _as_output(output: Any) -> Any:
    """The result of a user's step as an array, or a tuple of them."""
    return tuple(map(np.asarray, output)) if isinstance(output, (tuple, list)) else np.asarray(output)


def joined(batches: list) -> Any:
    """Outputs of several batches, concatenated; for several outputs a tuple."""
    if isinstance(batches[0], tuple):
        return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))
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
