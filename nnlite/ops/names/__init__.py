"""Further names of `keras.ops`: aliases, functions made of ops, and functions without a derivative."""

from nnlite.ops.names import (
    arranging,
    calls,
    constants,
    decoding,
    flow,
    missing,
    neural,
    placed,
    plain,
    pointwise,
    products,
    smooth,
)
from nnlite.ops.names.arranging import *
from nnlite.ops.names.calls import *
from nnlite.ops.names.constants import *
from nnlite.ops.names.decoding import *
from nnlite.ops.names.flow import *
from nnlite.ops.names.missing import *
from nnlite.ops.names.neural import *
from nnlite.ops.names.placed import *
from nnlite.ops.names.plain import *
from nnlite.ops.names.pointwise import *
from nnlite.ops.names.products import *
from nnlite.ops.names.smooth import *
from nnlite.ops.tracing import add_functions

__all__ = []
__all__ += arranging.__all__
__all__ += calls.__all__
__all__ += constants.__all__
__all__ += decoding.__all__
__all__ += flow.__all__
__all__ += missing.__all__
__all__ += neural.__all__
__all__ += placed.__all__
__all__ += plain.__all__
__all__ += pointwise.__all__
__all__ += products.__all__
__all__ += smooth.__all__

# What NumPy calls by the same name is recorded too.
for _part in (arranging, missing, neural, placed, pointwise, products, smooth):
    add_functions(vars(_part), _part.__all__)
