"""Arithmetic circuits: Bayesian networks compiled to layers, whose backward pass answers every question."""

from nnlite.circuits.network import *
from nnlite.circuits.ordering import *
from nnlite.circuits.problems import *
