"""Structured Jacobians: linear maps that store the smallest thing that determines them."""

from nnlite.jacobians.base import *
from nnlite.jacobians.composition import *
from nnlite.jacobians.elementwise import *
from nnlite.jacobians.linear import *
from nnlite.jacobians.normalizing import *
from nnlite.jacobians.reductions import *
from nnlite.jacobians.shaping import *
