"""Layers: differentiable functions with parameters, under the names and defaults of Keras 3."""

from nnlite.layers.activations import *
from nnlite.layers.base import *
from nnlite.layers.chain import *
from nnlite.layers.core import *
from nnlite.layers.normalization import *
from nnlite.layers.preprocessing import *
from nnlite.layers.regularization import *
from nnlite.layers.reshaping import *
