"""Functions of `keras.ops.image`."""

from nnlite.ops.image import colors, coordinates, elastic, filters, frames, sizes
from nnlite.ops.image.colors import *
from nnlite.ops.image.coordinates import *
from nnlite.ops.image.elastic import *
from nnlite.ops.image.filters import *
from nnlite.ops.image.frames import *
from nnlite.ops.image.sizes import *
from nnlite.ops.tracing import add_functions

__all__ = []
__all__ += colors.__all__
__all__ += coordinates.__all__
__all__ += elastic.__all__
__all__ += filters.__all__
__all__ += frames.__all__
__all__ += sizes.__all__

add_functions(vars(), __all__, as_numpy=False)
