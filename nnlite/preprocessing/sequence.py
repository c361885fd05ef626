"""Sequences of any lengths as one array."""

from nnlite.utils.arrays import pad_sequences

__all__ = ["pad_sequences"]
