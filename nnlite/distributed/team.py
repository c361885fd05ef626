"""The processes of one MPI job that train together, and their communication."""

import importlib.util
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnlite import kernels
from nnlite.distributed.failures import ended_together
from nnlite.distributed.trees import Part, part_of, tree_sum
from nnlite.errors import ConfigError, MissingLibraryError, needed_for

__all__ = ["Team", "current_team", "is_first", "mpi", "rank_of_job"]

# A vector from here on is summed by halves: each process sends it twice, for any number of processes, rather than
# once for each doubling of that.
HALVED_BYTES = 2**16


class Team:
    """Processes that compute each batch together, each a part of its shards.

    Args:
        communicator: an `mpi4py.MPI.Comm`.
        shards: into how many parts a batch is cut: a power of two, and at least the number of processes.

    Attributes:
        rank, size: number of this process, from 0 on, and how many there are.
        shards: those of a batch.

    Raises:
        ConfigError: numbers that are not powers of two, or more processes than shards.
    """

    def __init__(self, communicator: Any, shards: int = 8) -> None:
        self.communicator, self.shards = communicator, shards
        self.rank, self.size = int(communicator.Get_rank()), int(communicator.Get_size())
        if not isinstance(shards, int) or isinstance(shards, bool) or shards < 1 or shards & (shards - 1):
            raise ConfigError(f"the number of shards must be a power of two, got {shards!r}", ("shards",))
        if self.size & (self.size - 1) or self.size > shards:
            fits = ", ".join(str(1 << power) for power in range(shards.bit_length()))
            raise ConfigError(
                f"{self.size} processes cannot share {shards} shards evenly: start {fits} of them, or give a larger "
                "power of two as shards"
            )

    @property
    def name(self) -> str:
        """Name of this process in messages, such as `rank 1 of 4 (process 4711 on node7)`."""
        return f"rank {self.rank} of {self.size} (process {os.getpid()} on {socket.gethostname()})"

    def part(self, rows: int) -> Part:
        """The shards of a batch of this many rows that this process computes."""
        return part_of(rows, self.shards, self.rank, self.size)

    def sum(self, parts: Sequence[np.ndarray], shared: bool = True) -> np.ndarray:
        """Sum over the shards of all processes, in a fixed tree; bitwise the same in each of them.

        Args:
            parts: one contiguous array for each shard of this process, which are overwritten.
            shared: whether other processes have the other shards.
        """
        total = tree_sum(parts)
        if shared:
            self.add_up(total.reshape(-1))
        return total

    def add_up(self, vector: np.ndarray) -> None:
        """Add those of all other processes to a vector, in place: the part of `sum` above one process's shards."""
        add = self._add_halves if vector.nbytes >= HALVED_BYTES and self.size > 2 else self._add_doubling
        add(vector)

    def add_pairs(self, value: Any, add: Callable[[Any], Any]) -> None:
        """The same for other objects: `add` receives a neighbor's object and returns the one to pass on."""
        for distance in self._distances():
            other = self.rank ^ distance
            value = add(self.communicator.sendrecv(value, other, source=other))

    def _distances(self) -> list[int]:
        return [1 << power for power in range(self.size.bit_length() - 1)]

    def _add_doubling(self, vector: np.ndarray) -> None:
        """Add those of all others: with the neighbor first, then with the neighboring pair, and so on."""
        received = np.empty_like(vector)
        for distance in self._distances():
            other = self.rank ^ distance
            self.communicator.Sendrecv(vector, other, recvbuf=received, source=other)
            np.add(vector, received, out=vector)

    def _add_halves(self, vector: np.ndarray) -> None:
        """The same sums, each number by one process alone: halves are exchanged, halves of these, and then put back."""
        received, start, stop, spans = np.empty_like(vector), 0, vector.size, []
        for distance in self._distances():
            other, middle = self.rank ^ distance, (start + stop) // 2
            low = not self.rank & distance
            (keep_start, keep_stop), (send_start, send_stop) = (
                ((start, middle), (middle, stop)) if low else ((middle, stop), (start, middle))
            )
            half = received[keep_start:keep_stop]
            self.communicator.Sendrecv(vector[send_start:send_stop], other, recvbuf=half, source=other)
            vector[keep_start:keep_stop] += half
            spans.append((other, send_start, send_stop))
            start, stop = keep_start, keep_stop
        for other, first, last in reversed(spans):
            self.communicator.Sendrecv(vector[start:stop], other, recvbuf=vector[first:last], source=other)
            start, stop = min(start, first), max(stop, last)

    def gather_rows(self, array: Any, rows: int, shared: bool = True) -> Any:
        """Rows of a whole batch, from those of this process; applied to each array of a tuple, None for None."""
        if array is None or not shared or self.size == 1:
            return array
        if isinstance(array, tuple):
            return tuple([self.gather_rows(one, rows) for one in array])
        array = np.ascontiguousarray(array)
        whole = np.empty((rows, *array.shape[1:]), array.dtype)
        width = whole[:1].nbytes
        starts = [part_of(rows, self.shards, rank, self.size).rows for rank in range(self.size)]
        counts, places = [(stop - start) * width for start, stop in starts], [start * width for start, _ in starts]
        sent, received = array.reshape(-1).view(np.uint8), whole.reshape(-1).view(np.uint8)
        self.communicator.Allgatherv(sent, [received, counts, places, "B"])
        return whole

    def gather(self, value: Any) -> list[Any]:
        """Objects of all processes, in their order."""
        return self.communicator.allgather(value)

    def broadcast(self, value: Any) -> Any:
        """Object of rank 0."""
        return self.communicator.bcast(value)

    def any(self, *flags: bool) -> list[bool]:
        """Whether each flag is set in any process."""
        counts = np.array(flags, np.int32)
        anywhere = np.empty_like(counts)
        self.communicator.Allreduce(counts, anywhere)
        return [bool(count) for count in anywhere]


class _Current:
    """The team of this process."""

    team: Team | None = None


def current_team() -> Team | None:
    """The team that `fit` trains with: that of the context `mpi()`; None outside."""
    return _Current.team


def rank_of_job() -> int:
    """Number of this process in its MPI job; 0 without one, or without mpi4py or an MPI library."""
    try:
        return int(_mpi_library().COMM_WORLD.Get_rank())
    except MissingLibraryError:
        return 0


def _mpi_library() -> Any:
    """The module `mpi4py.MPI`; `MissingLibraryError` without mpi4py, or without the MPI library that it loads."""
    with needed_for("training over several processes runs on MPI by mpi4py", "nnlite[mpi]"):
        import mpi4py  # noqa: F401 - alone, so that this error is not that of the library below
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # either, as mpi4py was built
        reason = "; ".join(str(error).splitlines())
        raise MissingLibraryError(
            f"mpi4py is installed and finds no MPI library: load that of the cluster, or pip install mpich ({reason})"
        ) from error
    return MPI


def is_first() -> bool:
    """Whether this process is the one that writes: rank 0 of its team, or alone."""
    return _Current.team is None or _Current.team.rank == 0


@contextmanager
def mpi(shards: int = 8) -> Iterator[Team]:
    """A context in which `fit` trains with all processes of the MPI job, which run the same program.

    Each batch is cut into `shards` parts of rows, which the processes share. Sums are taken over shards in a fixed
    tree, so that any number of processes gives the same bits. An error in one process ends them all.

    Args:
        shards: a power of two, at least the number of processes; part of the result, as the size of a batch is.

    Raises:
        MissingLibraryError: mpi4py is not installed, or finds no MPI library.
        ConfigError: the number of processes is not a power of two, or larger than `shards`.
    """
    world = _mpi_library().COMM_WORLD
    with ended_together(world.Dup()):
        team = Team(world, shards)
        compiled = team.gather(importlib.util.find_spec("numba") is not None)
        if len(set(compiled)) > 1:
            without = compiled.index(False)
            raise ConfigError(f"rank {without} has no Numba, and others have: install it everywhere, or nowhere")
        before, _Current.team = _Current.team, team
        try:
            with kernels.chosen_alike():
                yield team
        finally:
            _Current.team = before
