"""Derivatives of whole models: Jacobians and products with them, per-example gradients, curvature, sensitivities."""

from nnlite.derivatives.bounds import BoxBounds, box_bounds, lipschitz_bound
from nnlite.derivatives.explanation import Explanation
from nnlite.derivatives.model import Derivatives
from nnlite.derivatives.parameters import parameter_names

__all__ = ["BoxBounds", "Derivatives", "Explanation", "box_bounds", "lipschitz_bound", "parameter_names"]
