"""Models: a chain of layers, a graph of layers, and reading them from files."""

from nnlite.models.files import load_model
from nnlite.models.functional import Model
from nnlite.models.sequential import Sequential

__all__ = ["Model", "Sequential", "load_model"]
