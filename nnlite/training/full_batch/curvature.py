"""The generalized Gauss-Newton matrix of some rows, from the Jacobians that the layers cache."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.errors import ConfigError
from nnlite.jacobians import GraphJacobians, ParameterVector
from nnlite.losses.output_losses import OutputCurvature

__all__ = ["add_gauss_newton", "each_output", "jacobian_of_rows", "unit_seeds"]


class Weighted:
    """A map times a number."""

    def __init__(self, jacobian: Any, weight: float) -> None:
        self.map, self.weight, self.in_shape = jacobian, weight, jacobian.in_shape

    def jvp(self, tangent: Array) -> Array:
        """Its product with changes of the outputs."""
        return self.map.jvp(tangent) * self.weight


def each_output(jacobians: Any, curvature: Any, slopes: Any, share: float = 1.0) -> Iterator[tuple[Any, Weighted, Any]]:
    """For each output with a loss its Jacobians, and the second and first derivatives of the loss with respect to it.

    Args:
        jacobians: those of all outputs, of a `GraphJacobians` where there are several.
        curvature, slopes: of the loss by the outputs, a part for each where there are several.
        share: what the second derivative is multiplied by.
    """
    if not isinstance(curvature, OutputCurvature):
        yield jacobians, Weighted(curvature, share), slopes
        return
    if not isinstance(jacobians, GraphJacobians):
        raise ConfigError("a Gauss-Newton matrix needs a model of one output, or a graph of layers")
    for index, (block, weight) in enumerate(zip(curvature.blocks, curvature.weights, strict=True)):
        if block is not None:
            yield jacobians.of_output(index), Weighted(block, weight * share), slopes[index]


def jacobian_of_rows(vector: ParameterVector, jacobians: Any, outputs: tuple[int, ...]) -> Array:
    """The Jacobian of each output entry with respect to the parameters of `vector`.

    One pass back for each number of a row, in which rows stay apart; where outputs depend on other rows, one for each
    number of all rows.

    Args:
        outputs: shape of the outputs, `(rows, ...)`.

    Shape: `(rows, units, count)`, the units being all numbers of a row.
    """
    rows, units = outputs[0], math.prod(outputs[1:])
    if jacobians.mixes_rows:
        seeds = np.eye(rows * units).reshape(rows * units, *outputs)
        return vector.vjp(jacobians, seeds, (rows * units,)).reshape(rows, units, -1)
    if units == 1:
        return vector.per_example(jacobians, np.ones(outputs, vector.dtype))[:, None]
    result = np.empty((rows, units, vector.size), vector.dtype)
    for unit in range(units):
        seed = np.zeros((rows, units), vector.dtype)
        seed[:, unit] = 1.0
        result[:, unit] = vector.per_example(jacobians, seed.reshape(outputs))
    return result


def unit_seeds(outputs: tuple[int, ...]) -> Array:
    """One cotangent for each entry of a row: 1 at that entry in all rows, 0 elsewhere.

    Args:
        outputs: shape of the outputs, `(rows, ...)`.

    Shape: `(units, rows, ...)`.
    """
    units = math.prod(outputs[1:])
    seeds = np.zeros((units, outputs[0], units))
    seeds[np.arange(units), :, np.arange(units)] = 1.0
    return seeds.reshape(units, *outputs)


def add_gauss_newton(
    matrix: Array,
    vector: ParameterVector,
    jacobians: Any,
    curvature: Any,
    diagonal: bool = False,
    slopes: Array | None = None,
) -> Array:
    """Add `J' H J` of some rows to `matrix`, in place; returns `J'` times the slopes, or zeros without them.

    Args:
        jacobians: those of the outputs.
        curvature: H, the map of the loss's second derivative with respect to the outputs.
        diagonal: whether it is diagonal and nowhere negative, so that half of the work is enough.
        slopes: numbers like the outputs.
    """
    shape = curvature.in_shape
    dense = jacobian_of_rows(vector, jacobians, shape)
    flat = dense.reshape(-1, vector.size)
    gradient = np.zeros(vector.size) if slopes is None else slopes.reshape(-1) @ flat
    if diagonal:
        bends = curvature.jvp(np.ones(shape)).reshape(-1)
        alike = bends.min() == bends.max()
        if not alike:
            flat *= np.sqrt(bends)[:, None]
        product = flat.T @ flat  # which NumPy knows to be symmetric
        matrix += product * bends[0] if alike else product
        return gradient
    bent = curvature.jvp(np.ascontiguousarray(flat.T).reshape(vector.size, *shape))
    product = bent.reshape(vector.size, -1) @ flat
    matrix += 0.5 * (product + product.T)
    return gradient
