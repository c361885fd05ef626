"""Differentiable functions: each computes its output together with its structured Jacobians."""

import sys

from nnlite.ops import image as image
from nnlite.ops.activations import *
from nnlite.ops.arithmetic import *
from nnlite.ops.base import *
from nnlite.ops.einsum import *
from nnlite.ops.elementwise import *
from nnlite.ops.functions import *
from nnlite.ops.matmul import *
from nnlite.ops.names import *
from nnlite.ops.plain.matrices import *
from nnlite.ops.plain.tensors import *
from nnlite.ops.reductions import *
from nnlite.ops.shaping import *
from nnlite.ops.signals import *
from nnlite.ops.tracing import *
from nnlite.ops.windows import *

# The parts of `keras.ops` have the names of the whole here, but for images.
nn = numpy = linalg = sys.modules[__name__]
