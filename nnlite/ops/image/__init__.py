"""Functions of `keras.ops.image`."""

from nnlite.ops.image.sizes import *
