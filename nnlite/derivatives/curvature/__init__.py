"""The generalized Gauss-Newton matrix of a loss as structured maps."""

from nnlite.derivatives.curvature.base import Curvature
from nnlite.derivatives.curvature.blocks import DenseBlock, DiagonalBlock, KroneckerBlock
from nnlite.derivatives.curvature.build import Structure, ggn
from nnlite.derivatives.curvature.maps import BlockCurvature, MatrixFreeCurvature

__all__ = [
    "BlockCurvature",
    "Curvature",
    "DenseBlock",
    "DiagonalBlock",
    "KroneckerBlock",
    "MatrixFreeCurvature",
    "Structure",
    "ggn",
]
