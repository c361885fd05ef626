"""What Keras keeps in `keras.utils`, under the same names."""

from nnlite.data.numbered import PyDataset

__all__ = ["PyDataset"]
