"""Functions of `keras.ops` in graphs: in Keras's JSON, and back."""

from nnlite.foreign.operations.calls import *
from nnlite.foreign.operations.reading import *
from nnlite.foreign.operations.writing import *
