"""Functions of `keras.ops` in graphs: as Keras describes them in JSON, and back."""

from nnlite.foreign.operations.reading import *
from nnlite.foreign.operations.writing import *
