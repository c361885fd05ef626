"""Kernels in NumPy: complete, and analytic, so that a complex step passes through them."""

from nnlite.kernels.reference import dense, elementwise
from nnlite.kernels.reference.dense import *
from nnlite.kernels.reference.elementwise import *

__all__ = [name for module in (dense, elementwise) for name in module.__all__]
