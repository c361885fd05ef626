"""Structured Jacobians: linear maps that store the smallest thing that determines them."""

from nnlite.jacobians.bundles.attention import *
from nnlite.jacobians.bundles.chain import *
from nnlite.jacobians.bundles.graph import *
from nnlite.jacobians.bundles.recurrent import *
from nnlite.jacobians.bundles.time_distributed import *
from nnlite.jacobians.bundles.unrolled import *
from nnlite.jacobians.hessian import *
from nnlite.jacobians.maps.base import *
from nnlite.jacobians.maps.composition import *
from nnlite.jacobians.maps.convolution import *
from nnlite.jacobians.maps.einsum import *
from nnlite.jacobians.maps.elementwise import *
from nnlite.jacobians.maps.interpolation import *
from nnlite.jacobians.maps.matmul import *
from nnlite.jacobians.maps.normalization import *
from nnlite.jacobians.maps.penalized import *
from nnlite.jacobians.maps.reductions import *
from nnlite.jacobians.maps.scaling import *
from nnlite.jacobians.maps.shaping import *
from nnlite.jacobians.maps.windows import *
from nnlite.jacobians.model import *
from nnlite.jacobians.parameter_vector import *
from nnlite.jacobians.recurrence.base import *
from nnlite.jacobians.recurrence.gru import *
