"""A command that several processes run together; only the first one prints."""

import contextlib
import os
from collections.abc import Callable, Iterator

from nnlite.errors import NNLiteError

__all__ = ["in_team"]


def in_team(shards: int, command: Callable[[], None]) -> int | None:
    """Run a command in all processes of the MPI job; what the others than rank 0 print is not shown.

    Returns:
        The exit code of this process.
    """
    from nnlite.distributed import mpi, rank_of_job, watched

    watched()
    try:
        with mpi(shards), _silent(rank_of_job() > 0):
            return command()
    except (NNLiteError, KeyboardInterrupt) as error:  # that all processes have
        if rank_of_job() == 0:
            raise
        return error.exit_code if isinstance(error, NNLiteError) else 130


@contextlib.contextmanager
def _silent(silent: bool) -> Iterator[None]:
    """A context in which nothing is printed."""
    if not silent:
        yield
        return
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield
