"""Structured Jacobians: linear maps that store the smallest thing that determines them."""

from nnlite.jacobians.attention import *
from nnlite.jacobians.base import *
from nnlite.jacobians.chains import *
from nnlite.jacobians.composition import *
from nnlite.jacobians.convolution import *
from nnlite.jacobians.einsum import *
from nnlite.jacobians.elementwise import *
from nnlite.jacobians.folded import *
from nnlite.jacobians.graph import *
from nnlite.jacobians.hessians import *
from nnlite.jacobians.images import *
from nnlite.jacobians.linear import *
from nnlite.jacobians.network import *
from nnlite.jacobians.normalizing import *
from nnlite.jacobians.penalties import *
from nnlite.jacobians.pooling import *
from nnlite.jacobians.recurrence import *
from nnlite.jacobians.recurrence_gru import *
from nnlite.jacobians.recurrent import *
from nnlite.jacobians.reductions import *
from nnlite.jacobians.scaling import *
from nnlite.jacobians.shaping import *
from nnlite.jacobians.unrolled import *
from nnlite.jacobians.vectors import *
