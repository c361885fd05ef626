"""The outputs for rows in an array, by layers that compute nothing else."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.inference.dense_blocks import joined_layers
from nnlite.layers import Layer
from nnlite.threads import suited_threads

__all__ = []

FEW_ROWS = 64  # more are worth choosing a number of threads
SOME_ROWS = 256  # more are worth looking for dense layers that go together
PIECE = 2048  # rows at once: what the layers compute on the way has an end


def quick_outputs(model: Layer, x: Any) -> np.ndarray | None:
    """The outputs of a chain for finite rows, with the weights of the moment; None if only `predict` knows them.

    Callbacks, batches and Jacobians cost several times the products of a single row: here each layer's `infer` follows
    that of the one before. Results agree with those of the layers' `linearize` to rounding.

    Args:
        model: built; None is returned unless it is a chain of layers of one type of numbers that have `infer`.
        x: None is returned unless it is an array of rows of real numbers, finite and of the model's shape.

    Returns:
        An array that shares no memory with `x`.
    """
    if not (isinstance(x, np.ndarray) and x.ndim and len(x) and x.dtype.kind in "biuf"):
        return None
    stages = model.chain.line if model.built else None
    if stages is None or model.input_kind != "numbers" or x.shape[1:] != model.input_shape[1:]:
        return None
    layers = [stage.layer for stage in stages]
    if any(layer.infer is None for layer in layers):
        return None
    if x.dtype == model.dtype:
        outputs = x
    else:
        with np.errstate(over="ignore"):  # a number too large for the model's dtype is not finite
            outputs = x.astype(model.dtype)
    if not np.isfinite(outputs).all():
        return None
    model._check_ready()
    if len(x) <= FEW_ROWS:
        for layer in layers:
            outputs = layer.infer(outputs)
    else:
        outputs = _many(model, layers, outputs)
    return outputs.copy() if np.may_share_memory(outputs, x) else outputs


def _many(model: Layer, layers: Sequence[Layer], x: np.ndarray) -> np.ndarray:
    """The outputs of all layers, in pieces of rows and with as many threads as pay."""
    runs: list[Any] = [layer.infer for layer in layers]
    if len(x) > SOME_ROWS:
        runs = joined_layers(layers, np.dtype(model.dtype))
    largest, found = max((parameter.size for parameter in model.parameters), default=0), []
    with suited_threads(min(len(x), PIECE) * largest):
        for start in range(0, len(x), PIECE):
            piece = x[start : start + PIECE]
            for run in runs:
                piece = run(piece)
            found.append(piece)
    return found[0] if len(found) == 1 else np.concatenate(found)
