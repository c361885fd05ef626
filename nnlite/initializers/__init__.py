"""Initial values of parameters, as classes and under Keras's names of functions."""

from nnlite.initializers.base import *
from nnlite.initializers.functions import *
from nnlite.initializers.random import *
from nnlite.initializers.structured import *
