"""nnlite: neural-network training on NumPy, with every derivative an object you can hold."""

import importlib
import importlib.util
import pkgutil
from typing import TYPE_CHECKING, Any

import numpy  # noqa: F401 - the one dependency that is loaded at once

__version__ = "0.2.0"

if TYPE_CHECKING:  # what `__getattr__` finds at runtime
    from nnlite import (
        activations as activations,
        backend as backend,
        callbacks as callbacks,
        check as check,
        config as config,
        constraints as constraints,
        data as data,
        datasets as datasets,
        derivatives as derivatives,
        documents as documents,
        dtype_policies as dtype_policies,
        errors as errors,
        estimators as estimators,
        experiment as experiment,
        features as features,
        initializers as initializers,
        jacobians as jacobians,
        kernels as kernels,
        layers as layers,
        losses as losses,
        metrics as metrics,
        mixed_precision as mixed_precision,
        models as models,
        ops as ops,
        optimizers as optimizers,
        plots as plots,
        preprocessing as preprocessing,
        random as random,
        registry as registry,
        regularizers as regularizers,
        schedules as schedules,
        threads as threads,
        trained as trained,
        tree as tree,
        tuning as tuning,
        utils as utils,
        wrappers as wrappers,
    )
    from nnlite.backend import RematScope, device, remat, version
    from nnlite.config import DTypePolicy, set_deterministic
    from nnlite.dtype_policies import FloatDTypePolicy
    from nnlite.estimators import (
        MLPClassifier,
        MLPRegressor,
        NNAutoencoder,
        NNClassifier,
        NNEmbedder,
        NNRegressor,
        NNTransformer,
    )
    from nnlite.initializers import Initializer
    from nnlite.layers import Input, InputSpec, KerasTensor, Layer
    from nnlite.layers.composite.written_operation import Operation
    from nnlite.losses import Loss
    from nnlite.metrics import Metric
    from nnlite.models import Function, Model, Sequential, from_keras, from_sklearn, load_model
    from nnlite.optimizers import Optimizer
    from nnlite.regularizers import Regularizer
    from nnlite.threads import set_threads
    from nnlite.trained import load
    from nnlite.variables import StatelessScope, Variable, name_scope

# Public name -> module, loaded at first use, so that `import nnlite` costs what `import numpy` costs.
_HOMES = {
    "Function": "nnlite.models",
    "Initializer": "nnlite.initializers",
    "Input": "nnlite.layers",
    "InputSpec": "nnlite.layers",
    "KerasTensor": "nnlite.layers",
    "Layer": "nnlite.layers",
    "Loss": "nnlite.losses",
    "MLPClassifier": "nnlite.estimators",
    "MLPRegressor": "nnlite.estimators",
    "Metric": "nnlite.metrics",
    "Model": "nnlite.models",
    "NNAutoencoder": "nnlite.estimators",
    "NNClassifier": "nnlite.estimators",
    "NNEmbedder": "nnlite.estimators",
    "NNRegressor": "nnlite.estimators",
    "NNTransformer": "nnlite.estimators",
    "Operation": "nnlite.layers.composite.written_operation",
    "Optimizer": "nnlite.optimizers",
    "Regularizer": "nnlite.regularizers",
    "RematScope": "nnlite.backend",
    "Sequential": "nnlite.models",
    "StatelessScope": "nnlite.variables",
    "Variable": "nnlite.variables",
    "device": "nnlite.backend",
    "from_keras": "nnlite.models",
    "from_sklearn": "nnlite.models",
    "load": "nnlite.trained",
    "load_model": "nnlite.models",
    "DTypePolicy": "nnlite.config",
    "FloatDTypePolicy": "nnlite.dtype_policies",
    "name_scope": "nnlite.variables",
    "remat": "nnlite.backend",
    "set_deterministic": "nnlite.config",
    "set_threads": "nnlite.threads",
    "version": "nnlite.backend",
}
__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "MLPClassifier",
    "MLPRegressor",
    "Metric",
    "Model",
    "NNAutoencoder",
    "NNClassifier",
    "NNEmbedder",
    "NNRegressor",
    "NNTransformer",
    "Operation",
    "Optimizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "Variable",
    "__version__",
    "device",
    "from_keras",
    "from_sklearn",
    "load",
    "load_model",
    "name_scope",
    "remat",
    "set_deterministic",
    "set_threads",
    "version",
]
# Names that another library than NumPy serves. Where it is missing they are not listed, so that `import *`, `dir` and
# `help` work; asking for one says what to install.
_SERVED_BY = dict.fromkeys([name for name, home in _HOMES.items() if home == "nnlite.estimators"], "sklearn")
_SERVED_BY |= dict.fromkeys(["estimators", "wrappers"], "sklearn")
_SERVED_BY |= dict.fromkeys(["documents", "experiment", "report", "tuning"], "yaml")


def _is_served(name: str) -> bool:
    library = _SERVED_BY.get(name)
    try:
        return library is None or importlib.util.find_spec(library) is not None
    except ImportError:  # an import hook refuses it
        return False


if not TYPE_CHECKING:
    __all__ = [name for name in __all__ if _is_served(name)]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if not name.startswith("_") and importlib.util.find_spec(f"nnlite.{name}"):
        return importlib.import_module(f"nnlite.{name}")
    raise AttributeError(f"module 'nnlite' has no attribute {name!r}")


def __dir__() -> list[str]:
    rooms = [module.name for module in pkgutil.iter_modules(__path__) if _is_served(module.name)]
    return sorted({*__all__, *rooms, *(name for name in globals() if name.startswith("__"))} - {"__main__"})
