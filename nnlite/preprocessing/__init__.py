"""Names of `keras.preprocessing`."""

from nnlite.preprocessing import image as image, sequence as sequence
