"""Kernels compiled by Numba; each computes what its twin in `reference` does, up to rounding."""

from nnlite.kernels.compiled import elementwise
from nnlite.kernels.compiled.elementwise import *
from nnlite.kernels.compiled.elementwise import on_disk as on_disk

__all__ = elementwise.__all__
