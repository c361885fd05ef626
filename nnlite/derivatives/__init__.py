"""Derivatives of whole models: Jacobians, products with them, per-example gradients, curvature, sensitivities."""

from nnlite.derivatives.model import Derivatives
from nnlite.derivatives.tables import Explanation

__all__ = ["Derivatives", "Explanation"]
