"""Models: a chain of layers, a graph of layers, and loading them from files and from other libraries."""

from nnlite.foreign import from_sklearn
from nnlite.models.copying.clones import clone_model, model_from_json
from nnlite.models.drawn.function import Function
from nnlite.models.files import from_keras, load_model
from nnlite.models.functional import Functional, Model
from nnlite.models.sequential import Sequential
from nnlite.models.storing import save_model

__all__ = [
    "Function",
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "from_keras",
    "from_sklearn",
    "load_model",
    "model_from_json",
    "save_model",
]
