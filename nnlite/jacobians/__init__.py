"""Structured Jacobians: linear maps that store the smallest thing that determines them."""

from nnlite.jacobians.base import Jacobian
from nnlite.jacobians.composition import ChainJacobians, Composed, Jacobians, Summed
from nnlite.jacobians.elementwise import Broadcast, Diagonal, Identity, Recast
from nnlite.jacobians.linear import KernelOfRows, MatMulLeft, MatMulRight, RowsTimesKernel
from nnlite.jacobians.normalizing import LogSoftmaxJacobian, SoftmaxJacobian, Standardize
from nnlite.jacobians.reductions import Contraction, SumOver
from nnlite.jacobians.shaping import GatherRows, Rearrange, Segment

__all__ = [
    "Broadcast",
    "ChainJacobians",
    "Composed",
    "Contraction",
    "Diagonal",
    "GatherRows",
    "Identity",
    "Jacobian",
    "Jacobians",
    "KernelOfRows",
    "LogSoftmaxJacobian",
    "MatMulLeft",
    "MatMulRight",
    "Rearrange",
    "Recast",
    "RowsTimesKernel",
    "Segment",
    "SoftmaxJacobian",
    "Standardize",
    "SumOver",
    "Summed",
]
