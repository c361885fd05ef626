"""Keras's functions of this module: an optimizer from its description, and back."""

from nnlite.optimizers.base import Optimizer
from nnlite.registry.modules import of_family

__all__ = ["deserialize", "get", "serialize"]

get, serialize, deserialize = of_family(Optimizer)
