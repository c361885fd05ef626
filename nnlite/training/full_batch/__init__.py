"""Training by optimizers that take all rows at once: the loss as a function of one vector, and the loop around it."""

from nnlite.training.full_batch.steps import FullBatchSteps
from nnlite.training.full_batch.watch import arguments_for, listeners_for, need_one_batch

__all__ = ["FullBatchSteps", "arguments_for", "listeners_for", "need_one_batch"]
