"""The outputs for a few rows, by layers that compute nothing else."""

from typing import Any

import numpy as np

from nnlite.layers import Layer

__all__ = []

FEW_ROWS = 64  # more are worth the batches of `predict`, and a choice of threads


def quick_outputs(model: Layer, x: Any) -> np.ndarray | None:
    """The outputs of a chain for a few finite rows, with the current weights; None if `predict` has to be used.

    Callbacks, batches and Jacobians cost several times the products of a single row: here each layer's `infer` follows
    that of the one before. Results agree with those of the layers' `linearize` to rounding.

    Args:
        model: built; None is returned unless it is a chain of layers of one type of numbers that have `infer`.
        x: None is returned unless it is an array of few rows of real numbers, finite and of the model's shape.

    Returns:
        An array that shares no memory with `x`.
    """
    if not (type(x) is np.ndarray and x.ndim and 0 < len(x) <= FEW_ROWS and x.dtype.kind in "biuf"):
        return None
    stages = model.chain.line if model.built else None
    if stages is None or model.input_kind != "numbers" or x.shape[1:] != model.input_shape[1:]:
        return None
    layers = [stage.layer for stage in stages]
    if any(layer.infer is None or layer._lowers for layer in layers):
        return None
    if x.dtype == model.dtype:
        outputs = x
    else:
        with np.errstate(over="ignore"):  # a number too large for the model's dtype is not finite
            outputs = x.astype(model.dtype)
    if not np.isfinite(outputs).all():
        return None
    model._check_ready()
    for layer in layers:
        outputs = layer.infer(outputs)
    return outputs.copy() if np.may_share_memory(outputs, x) else outputs
