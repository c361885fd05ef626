"""Training of one model by several processes; each computes some shards of each batch."""

from nnlite.training.sharded.agreement import agreements
from nnlite.training.sharded.batches import ShardedBatches, sharded
from nnlite.training.sharded.checks import check_same, check_sharded
from nnlite.training.sharded.steps import ShardedSteps

__all__ = ["ShardedBatches", "ShardedSteps", "agreements", "check_same", "check_sharded", "sharded"]
