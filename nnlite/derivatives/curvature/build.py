"""The generalized Gauss-Newton matrix, in the requested structure, from the Jacobians that layers cache."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from nnlite.arrays.types import Array
from nnlite.derivatives.curvature.base import Curvature, check_dense
from nnlite.derivatives.curvature.blocks import Block, DenseBlock, DiagonalBlock, KroneckerBlock
from nnlite.derivatives.curvature.kronecker import Factors, KroneckerLayer, LayerParameters, kronecker_layers, watched
from nnlite.derivatives.curvature.maps import BlockCurvature, MatrixFreeCurvature
from nnlite.jacobians import ParameterVector
from nnlite.training.full_batch.curvature import add_gauss_newton, jacobian_of_rows, unit_seeds
from nnlite.training.full_batch.objective import WholeLoss
from nnlite.training.full_batch.parts import Piece
from nnlite.training.trainable import Trainable

__all__ = ["Structure", "block_of_last_layer", "ggn"]

Structure = Literal["dense", "block", "diagonal", "kfac", "matrix_free"]


def ggn(whole: WholeLoss, model: Trainable, structure: Structure) -> Curvature:
    """See `Derivatives.ggn`.

    Args:
        whole: the loss over the rows, as in prediction.
        model: whose loss it is.
    """
    vector = whole.vector
    if structure == "dense":
        check_dense(vector.size)
        return BlockCurvature(vector, _dense_blocks(whole, [np.arange(vector.size)]))
    if structure == "diagonal":
        return BlockCurvature(vector, [(np.arange(vector.size), DiagonalBlock(_diagonal(whole)))])
    if structure == "matrix_free":
        pieces = [part[:2] for piece in whole.linearized(whole.point) for part in _outputs(whole, piece)]
        return MatrixFreeCurvature(vector, pieces, lambda: _diagonal(whole))
    groups = _by_layer(model, vector)
    if structure == "block":
        return BlockCurvature(vector, _dense_blocks(whole, [group.places for group in groups]))
    layers, rest = kronecker_layers(whole, groups)
    return BlockCurvature(vector, [*_kronecker_blocks(whole, layers), *_dense_blocks(whole, rest)])


def block_of_last_layer(whole: WholeLoss, model: Trainable) -> tuple[np.ndarray, BlockCurvature]:
    """The indices of the parameters of the last layer that has any, and the matrix over these alone."""
    places = _by_layer(model, whole.vector)[-1].places
    check_dense(len(places))
    ((_, block),) = _dense_blocks(whole, [places])
    return places, BlockCurvature(_restricted(whole.vector, places), [(np.arange(len(places)), block)])


def _outputs(whole: WholeLoss, piece: Piece) -> Iterator[tuple]:
    """For each output the Jacobians, and the second derivative as a part of the whole loss."""
    return whole.each_output(piece, 1 / whole.divisor)


def _by_layer(model: Trainable, vector: ParameterVector) -> list[LayerParameters]:
    """The parameters of each layer that has some, in the layer's own order; what layers share is the first one's.

    Those that no layer has, but the model itself, are a group too.
    """
    trained_parameters = (parameter for parameter, want in zip(model.parameters, vector.chosen, strict=True) if want)
    free = dict(zip(map(id, trained_parameters), vector.segments, strict=True))
    groups = []
    for layer in [*model.layers, model]:
        parameters = [parameter for parameter in layer.parameters if id(parameter) in free]
        segments = [free.pop(id(parameter)) for parameter in parameters]
        places = [np.arange(segment.start, segment.stop) for segment in segments]
        if sum(map(len, places)):
            groups.append(LayerParameters(layer, parameters, np.concatenate(places)))
    return groups


def _dense_blocks(whole: WholeLoss, groups: list[np.ndarray]) -> list[tuple[np.ndarray, Block]]:
    """The exact block of each group of parameters."""
    if not groups:
        return []
    vectors = [_restricted(whole.vector, places) for places in groups]
    matrices = [np.zeros((len(places), len(places))) for places in groups]
    for piece in whole.linearized(whole.point, whole.rows_of_jacobians()):
        for jacobians, curvature, _ in _outputs(whole, piece):
            for matrix, vector in zip(matrices, vectors, strict=True):
                add_gauss_newton(matrix, vector, jacobians, curvature)
    return [(places, DenseBlock(matrix)) for places, matrix in zip(groups, matrices, strict=True)]


def _restricted(vector: ParameterVector, places: np.ndarray) -> ParameterVector:
    """The vector of these parameters alone, whole arrays of the model's, in its order."""
    starts, segments = set(places.tolist()), iter(vector.segments)
    shapes = iter(vector.shapes)
    selection, all_shapes = [], []
    for want in vector.chosen:
        segment = next(segments) if want else None
        all_shapes.append(next(shapes) if want else ())
        selection.append(segment is not None and segment.stop > segment.start and segment.start in starts)
    return ParameterVector(all_shapes, [""] * len(selection), selection, vector.dtype)


def _diagonal(whole: WholeLoss) -> Array:
    total = np.zeros(whole.size)
    for piece in whole.linearized(whole.point, whole.rows_of_jacobians()):
        for jacobians, curvature, _ in _outputs(whole, piece):
            dense = jacobian_of_rows(whole.vector, jacobians, curvature.in_shape)
            flat = np.ascontiguousarray(dense.reshape(-1, whole.size).T)
            bent = curvature.jvp(flat.reshape(whole.size, *curvature.in_shape)).reshape(whole.size, -1)
            total += np.einsum("pn,pn->p", flat, bent)
    return total


def _kronecker_blocks(whole: WholeLoss, layers: list[KroneckerLayer]) -> list[tuple[np.ndarray, Block]]:
    """The factored block of each of these layers: the mean of its inputs' squares by the curvature of its outputs."""
    factors = [Factors(layer) for layer in layers]
    if factors:
        for piece in whole.linearized(whole.point):
            root = watched(whole, piece)
            for one in factors:
                one.add_inputs(root)
            for jacobians, curvature, _ in _outputs(whole, piece):
                root = watched(whole, piece._replace(jacobians=jacobians))
                root.vjp(unit_seeds(curvature.in_shape), whole.vector.wanted(jacobians))
                for one in factors:
                    one.add_slopes(root, curvature)
    return [(one.layer.places, KroneckerBlock(one.left / whole.count, one.right)) for one in factors]
