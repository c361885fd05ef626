"""Files of other libraries: models of Keras, weights of PyTorch, networks of scikit-learn."""

from nnlite.foreign.containers.own_files import *
from nnlite.foreign.keras_compile import *
from nnlite.foreign.keras_files import *
from nnlite.foreign.keras_optimizers import *
from nnlite.foreign.named_arrays import *
from nnlite.foreign.perceptrons import *
