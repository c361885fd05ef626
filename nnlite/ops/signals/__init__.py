"""Signal functions of `keras.ops`: Fourier transforms of whole sequences, and of short windows."""

from nnlite.ops.signals import fourier
from nnlite.ops.signals.fourier import *
from nnlite.ops.tracing import add_functions

__all__ = []
__all__ += fourier.__all__

add_functions(vars(), __all__, as_numpy=False)
