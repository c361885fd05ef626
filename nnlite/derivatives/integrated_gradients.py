"""Integrated gradients: contributions of inputs to a chosen output."""

from typing import Any

import numpy as np

from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import NetworkJacobian
from nnlite.training import Trainable
from nnlite.training.inputs import built_inputs


def need_one_output(model: Trainable, outputs: Any) -> None:
    """`ConfigError` for a model of several outputs."""
    if isinstance(outputs, tuple):
        raise ConfigError(f"{model.label} has several outputs: make a Model of its inputs and one of them")


def one_output_each(model: Trainable, outputs: np.ndarray, output: Any) -> tuple[np.ndarray, np.ndarray]:
    """A cotangent that is 1 at one output of each row, and the index of that output.

    Args:
        model: whose outputs they are, for errors.
        outputs: `(batch, ...)`.
        output: its number among the raveled outputs of a row, or one number per row; each row's largest when None.
    """
    need_one_output(model, outputs)
    label = model.label
    rows = outputs.reshape(len(outputs), -1)
    picked = rows.argmax(axis=1) if output is None else np.asarray(output)
    if picked.dtype.kind not in "iu" or picked.shape not in ((), (len(rows),)):
        raise ShapeError(f"{label}: output must be an integer or {len(rows)} of them, one per row, got {output!r}")
    if np.any(picked < 0) or np.any(picked >= rows.shape[1]):
        raise ConfigError(f"{label} has the outputs 0 to {rows.shape[1] - 1}, got output={output!r}")
    picked = np.broadcast_to(picked, len(rows))
    cotangent = np.zeros_like(rows)
    cotangent[np.arange(len(rows)), picked] = 1
    return cotangent.reshape(outputs.shape), picked


def integrated_gradients(
    model: Trainable, x: Any, baseline: Any = None, steps: int = 50, output: Any = None
) -> np.ndarray:
    """See `Derivatives.integrated_gradients`."""
    x = built_inputs(model, x)
    if isinstance(x, tuple):
        raise ConfigError(f"{model.label} has {len(x)} inputs; integrated gradients are those of one")
    baseline = 0 if baseline is None else baseline
    try:
        baseline = np.broadcast_to(np.asarray(baseline, x.dtype), x.shape)
    except ValueError:
        raise ShapeError(
            f"{model.label}: baseline must fit {x.shape}, the shape of x, got {np.shape(baseline)}"
        ) from None
    outputs, jacobians = model.linearize(x, *model.values)
    if jacobians[0] is None:
        raise ConfigError(f"{model.label} takes indices or strings, which cannot be integrated over")
    cotangent, _ = one_output_each(model, outputs, output)
    mean = np.zeros_like(x)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        jacobians = model.linearize(baseline + (node + 1) / 2 * (x - baseline), *model.values)[1]
        mean += weight / 2 * NetworkJacobian(jacobians, None, x.shape, outputs.shape).per_example(cotangent)
    return (x - baseline) * mean
