"""Neural networks as scikit-learn estimators."""

from nnlite.errors import needed_for

with needed_for("estimators are made for scikit-learn", "scikit-learn"):
    import sklearn  # noqa: F401 - tells at once, with the remedy

from nnlite.estimators.circuits import *
from nnlite.estimators.classifier import *
from nnlite.estimators.family import *
from nnlite.estimators.mlp import *
from nnlite.estimators.onnx_converters import *
from nnlite.estimators.regressor import *
from nnlite.estimators.tables import *
