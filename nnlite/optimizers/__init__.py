"""Optimizers and learning-rate schedules."""

from nnlite.optimizers.adam import *
from nnlite.optimizers.base import *
from nnlite.optimizers.rmsprop import *
from nnlite.optimizers.schedules import *
from nnlite.optimizers.sgd import *
