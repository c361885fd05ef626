"""The effect of leaving a row out, from cached Jacobians and the inverse of the curvature."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.derivatives.curvature import BlockCurvature, DenseBlock, DiagonalBlock, ggn
from nnlite.derivatives.curvature.blocks import Block
from nnlite.derivatives.curvature.build import block_of_last_layer
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import ParameterVector
from nnlite.training.full_batch.curvature import jacobian_of_rows, unit_seeds
from nnlite.training.full_batch.objective import WholeLoss
from nnlite.training.full_batch.parts import in_float64
from nnlite.training.inputs import built_inputs
from nnlite.training.trainable import Trainable

__all__ = [
    "InfluenceStructure",
    "LeaveOneOut",
    "Order",
    "need_rows",
    "outputs_at",
    "penalized_curvature",
    "penalized_last_layer",
]

InfluenceStructure = Literal["dense", "block", "diagonal"]
Order = Literal["newton", "first"]


class Rows(NamedTuple):
    """A batch of rows, and the effect of leaving out each of them.

    U is the count of numbers that a row has in all outputs with a loss, P that of parameters.

    Attributes:
        slopes: of the row's part of the loss by its outputs, `(rows, U)`.
        bends: the second derivative of that, `(rows, U, U)`.
        covered: `S = J C^-1 J'`, J of the outputs by the parameters, C of the whole loss, `(rows, U, U)`.
        moves: the change of the parameters, `(rows, P)`.
        output_moves: that of the row's own outputs, `(rows, U)`.
    """

    slopes: Array
    bends: Array
    covered: Array
    moves: Array
    output_moves: Array

    @property
    def leverages(self) -> Array:
        """The diagonal of `B S`, `(rows, U)`: the leverage of each output of a row."""
        return np.einsum("ruv,rvu->ru", self.bends, self.covered)


class LeaveOneOut:
    """The effects of leaving out one row at a time.

    With the curvature C of the whole loss, penalties of weights and damping included, and the part r' of its slope and
    B of its curvature that a row has, both by the row's outputs with the Jacobian J:

        first:   d = C^-1 J' r                                       one step of the whole loss's curvature
        newton:  d = (C - J' B J)^-1 J' r = C^-1 J' (I - B S)^-1 r   a Newton step of the loss without the row

    The latter is exact for a linear model with squared errors. It needs a C that holds all of `J' B J`: one that
    neglects what lies between parameters does not bound `B S` by 1, and the step may turn round.

    Args:
        whole: the loss over all rows, as in prediction.
        curvature: C, but for the damping.
        damping: what is added to its diagonal.
        order: which of the two; when None, "newton" of a curvature that is one dense block, else "first".

    Raises:
        ConfigError: a model whose outputs depend on other rows.
    """

    def __init__(self, whole: WholeLoss, curvature: BlockCurvature, damping: float, order: Order | None) -> None:
        need_rows(whole)
        self.whole, self.curvature, self.damping = whole, curvature, damping
        self.order: Order = order or ("newton" if _is_whole(curvature) else "first")

    def __iter__(self) -> Iterator[Rows]:
        whole = self.whole
        for piece in whole.linearized(whole.point, whole.rows_of_jacobians()):
            jacobians, slopes, bends = [], [], []
            for maps, bend, by_output in whole.each_output(piece, 1 / whole.divisor):
                jacobians.append(jacobian_of_rows(self.curvature.vector, maps, bend.in_shape))
                slopes.append(by_output.reshape(len(by_output), -1) / whole.divisor)
                bends.append(_bends(bend))
            yield self._left_out(np.concatenate(jacobians, axis=1), np.concatenate(slopes, axis=1), _on_diagonal(bends))

    def _left_out(self, jacobians: Array, slopes: Array, bends: Array) -> Rows:
        rows, units, size = jacobians.shape
        solved = self.curvature.solve(jacobians.reshape(-1, size), self.damping).reshape(rows, units, size)
        covered = np.einsum("rup,rvp->ruv", solved, jacobians)
        weights = _without_rows(bends @ covered, slopes) if self.order == "newton" else slopes
        moves = np.einsum("rup,ru->rp", solved, weights)
        return Rows(slopes, bends, covered, moves, np.einsum("ruv,rv->ru", covered, weights))

    def moves(self) -> Array:
        """The change of the parameters for each row, `(rows, P)`."""
        return np.concatenate([rows.moves for rows in self])

    def self_influence(self) -> Array:
        """The increase in the loss of each row if it were left out, to first order in its outputs: `(rows,)`."""
        return self.whole.divisor * np.concatenate([(rows.slopes * rows.output_moves).sum(axis=1) for rows in self])

    def leverage(self) -> Array:
        """The trace of `B S` for each row, `(rows,)`; their sum is the effective number of parameters."""
        return np.concatenate([rows.leverages.sum(axis=1) for rows in self])

    def cooks_distance(self) -> Array:
        """`d' C d / (p * dispersion)` for each row, with p the sum of the leverages: `(rows,)`.

        In units of a sum over rows of the negative log-likelihood; its dispersion is 1, or for squared errors the sum
        of squares over the number of errors less p. The squares of several outputs are weighted as in the loss.
        """
        whole, squares, effective = self.whole, [], 0.0
        for rows in self:
            squares.append((rows.moves * self.curvature.vp(rows.moves)).sum(axis=1))
            effective += float(rows.leverages.sum())
        bent = np.concatenate(squares)
        if not whole.squares:
            return bent * whole.divisor / effective
        loss = sum(piece.value for piece in whole.linearized(whole.point))
        left = whole.residuals - effective
        if left <= 0:
            raise DataError(f"Cook's distance needs more errors than the {effective:.3g} parameters that count")
        return 0.5 * bent * left / (effective * loss)


def _is_whole(curvature: BlockCurvature) -> bool:
    """Whether nothing between two parameters is neglected."""
    return len(curvature.blocks) == 1 and isinstance(curvature.blocks[0][1], DenseBlock)


def _without_rows(shares: Array, slopes: Array) -> Array:
    """`(I - B S)^-1 r`, `(rows, U)`, of `B S`, `(rows, U, U)`; `DataError` where a row's share is 1 or more."""
    if (np.linalg.eigvals(shares).real >= 1).any():
        raise DataError(
            "without one of the rows the curvature is not positive: pass a larger damping, or order='first'"
        )
    return np.linalg.solve(np.eye(shares.shape[-1]) - shares, slopes[..., None])[..., 0]


def need_rows(whole: WholeLoss) -> None:
    """`ConfigError` unless the loss is a sum over rows, each with its own outputs."""
    if whole.loss is whole.steps.loss:
        raise ConfigError("this needs a loss that is a sum over rows with outputs of their own")


def outputs_at(whole: WholeLoss, x: Any, vector: ParameterVector) -> list[tuple[Array, Array]]:
    """For each output its raw values at other rows, `(rows, ...)`, and their Jacobian, `(rows, U, P)`."""
    steps = whole.steps
    values = [in_float64(parameter.value) for parameter in steps.parameters]
    outputs: Any
    maps: Any
    outputs, maps = steps.chain.linearize(in_float64(built_inputs(steps.trainer.model, x)), *values)
    if not isinstance(outputs, tuple):
        return [(outputs, jacobian_of_rows(vector, maps, outputs.shape))]
    return [
        (output, jacobian_of_rows(vector, maps.of_output(index), output.shape)) for index, output in enumerate(outputs)
    ]


def penalized_curvature(whole: WholeLoss, model: Trainable, structure: InfluenceStructure) -> BlockCurvature:
    """The generalized Gauss-Newton matrix with the diagonal that penalties of weights add."""
    curvature = ggn(whole, model, structure)
    assert isinstance(curvature, BlockCurvature)
    return _with_diagonal(curvature, whole.penalties())


def penalized_last_layer(whole: WholeLoss, model: Trainable) -> BlockCurvature:
    """The same of the parameters of the last layer alone, dense."""
    places, curvature = block_of_last_layer(whole, model)
    return _with_diagonal(curvature, whole.penalties()[places])


def _with_diagonal(curvature: BlockCurvature, diagonal: Array) -> BlockCurvature:
    """The matrix and a diagonal, in the structure of the matrix."""
    blocks: list[tuple[np.ndarray, Block]] = []
    for places, block in curvature.blocks:
        if isinstance(block, DenseBlock):
            blocks.append((places, DenseBlock(block.matrix + np.diag(diagonal[places]))))
        else:
            blocks.append((places, DiagonalBlock(block.diagonal() + diagonal[places])))
    return BlockCurvature(curvature.vector, blocks)


def _bends(curvature: Any) -> Array:
    """The second derivative of the loss by one output of each row, `(rows, U, U)`."""
    bent = curvature.jvp(unit_seeds(curvature.in_shape))
    return bent.reshape(*bent.shape[:2], -1).transpose(1, 0, 2)


def _on_diagonal(blocks: list[Array]) -> Array:
    """For each row one matrix with these blocks, `(rows, U, U)` each, along its diagonal."""
    widths = [block.shape[-1] for block in blocks]
    whole, start = np.zeros((len(blocks[0]), sum(widths), sum(widths))), 0
    for block, width in zip(blocks, widths, strict=True):
        whole[:, start : start + width, start : start + width] = block
        start += width
    return whole
