"""Activation functions, by the names used in `activation="relu"`."""

from nnlite.ops.activations.base import *
from nnlite.ops.activations.base import kernel_code as kernel_code
from nnlite.ops.activations.piecewise import *
from nnlite.ops.activations.rectifiers import *
from nnlite.ops.activations.smooth import *
from nnlite.ops.activations.softmax import *
