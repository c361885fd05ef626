"""Kernels in NumPy: complete, and analytic, so that a complex step passes through them."""

from nnlite.kernels.reference import dense, elementwise, error_function, losses, optimizers, recurrent
from nnlite.kernels.reference.dense import *
from nnlite.kernels.reference.elementwise import *
from nnlite.kernels.reference.error_function import *
from nnlite.kernels.reference.losses import *
from nnlite.kernels.reference.optimizers import *
from nnlite.kernels.reference.recurrent import *

__all__ = [
    name for module in (dense, elementwise, error_function, losses, optimizers, recurrent) for name in module.__all__
]
