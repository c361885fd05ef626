"""Arithmetic circuits: Bayesian networks compiled to layers, whose backward pass answers every question."""

from nnlite.circuits.circuit import *
from nnlite.circuits.jacobians import *
from nnlite.circuits.layers import *
from nnlite.circuits.learning import *
from nnlite.circuits.networks.network import *
from nnlite.circuits.networks.ordering import *
from nnlite.circuits.networks.problems import *
from nnlite.circuits.networks.structure import *
from nnlite.circuits.pictures import *
from nnlite.circuits.sweeping.compiling import *
