"""Functions of `keras.ops` on windows and blocks, and higher-order functions."""

from nnlite.ops.tracing import add_functions
from nnlite.ops.windows import blocks, functional, transposed
from nnlite.ops.windows.blocks import *
from nnlite.ops.windows.functional import *
from nnlite.ops.windows.transposed import *

__all__ = []
__all__ += blocks.__all__
__all__ += functional.__all__
__all__ += transposed.__all__

add_functions(vars(), [*blocks.__all__, *transposed.__all__])
