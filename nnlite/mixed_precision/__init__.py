"""Names of `keras.mixed_precision`: policies of layers, and the optimizer that scales the loss."""

from nnlite.config import DTypePolicy, dtype_policy, set_dtype_policy
from nnlite.optimizers import LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

Policy, global_policy, set_global_policy = DTypePolicy, dtype_policy, set_dtype_policy
