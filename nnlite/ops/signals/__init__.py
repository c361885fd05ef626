"""Functions of `keras.ops` for signals: Fourier transforms of whole sequences, and of short windows of them."""

from nnlite.ops.signals import fourier
from nnlite.ops.signals.fourier import *
from nnlite.ops.tracing import add_functions

__all__ = []
__all__ += fourier.__all__

add_functions(vars(), __all__, as_numpy=False)
