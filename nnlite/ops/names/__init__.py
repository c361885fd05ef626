"""Further names of `keras.ops`: other names of ops, what is made of ops, and functions without a derivative."""

from nnlite.ops.names import arranging, constants, pointwise, products
from nnlite.ops.names.arranging import *
from nnlite.ops.names.constants import *
from nnlite.ops.names.pointwise import *
from nnlite.ops.names.products import *
from nnlite.ops.tracing import FUNCTIONS

__all__ = []
__all__ += arranging.__all__
__all__ += constants.__all__
__all__ += pointwise.__all__
__all__ += products.__all__

# What NumPy calls by the same name is recorded too.
for _part in (arranging, pointwise, products):
    FUNCTIONS.update((_name, vars(_part)[_name]) for _name in _part.__all__ if _name not in FUNCTIONS)
