"""Training by several processes: MPI, a fixed number of shards per batch, sums in a fixed tree."""

from nnlite.distributed.failures import TeamError
from nnlite.distributed.lockstep import Lockstep
from nnlite.distributed.team import Team, current_team, is_first, mpi, rank_of_job
from nnlite.distributed.trees import Part, part_of, tree_sum
from nnlite.distributed.watching import watched

__all__ = [
    "Lockstep",
    "Part",
    "Team",
    "TeamError",
    "current_team",
    "is_first",
    "mpi",
    "part_of",
    "rank_of_job",
    "tree_sum",
    "watched",
]
