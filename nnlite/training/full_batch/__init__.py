"""Full-batch training: the loss as a function of one vector, and its loop."""

from nnlite.training.full_batch.steps import FullBatchSteps
from nnlite.training.full_batch.watch import arguments_for, listeners_for, need_one_batch

__all__ = ["FullBatchSteps", "arguments_for", "listeners_for", "need_one_batch"]
