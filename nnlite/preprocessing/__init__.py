"""The contents of `keras.preprocessing`, under the same names."""

from nnlite.preprocessing import image as image, sequence as sequence
