"""Arithmetic circuits: Bayesian networks compiled to layers, whose backward pass answers every question."""

from nnlite.circuits.circuit import *
from nnlite.circuits.compiling import *
from nnlite.circuits.jacobians import *
from nnlite.circuits.layers import *
from nnlite.circuits.learning import *
from nnlite.circuits.network import *
from nnlite.circuits.ordering import *
from nnlite.circuits.problems import *
from nnlite.circuits.structure import *
