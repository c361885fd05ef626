"""nnlite: neural-network training on NumPy, with every derivative an object you can hold."""

import importlib
import importlib.util

import numpy  # noqa: F401 - the one dependency that is loaded at once

__version__ = "0.1.0"

# Public name -> module, loaded at first use, so that `import nnlite` costs what `import numpy` costs.
_HOMES = {
    "Input": "nnlite.layers",
    "Model": "nnlite.models",
    "NNClassifier": "nnlite.estimators",
    "NNRegressor": "nnlite.estimators",
    "Sequential": "nnlite.models",
    "load_model": "nnlite.models",
    "set_threads": "nnlite.threads",
}
__all__ = ["Input", "Model", "NNClassifier", "NNRegressor", "Sequential", "__version__", "load_model", "set_threads"]


def __getattr__(name: str):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if not name.startswith("_") and importlib.util.find_spec(f"nnlite.{name}"):
        return importlib.import_module(f"nnlite.{name}")
    raise AttributeError(f"module 'nnlite' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_HOMES})
