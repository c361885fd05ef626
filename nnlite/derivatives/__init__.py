"""Derivatives of whole models: Jacobians, products with them, per-example gradients, curvature, sensitivities."""

from nnlite.derivatives.explanation import Explanation
from nnlite.derivatives.model import Derivatives
from nnlite.derivatives.parameters import parameter_names

__all__ = ["Derivatives", "Explanation", "parameter_names"]
