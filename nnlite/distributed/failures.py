"""Termination of all processes after an error in one of them."""

import os
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnlite.errors import NNLiteError

__all__ = ["TeamError", "ended_together"]


class TeamError(NNLiteError, RuntimeError):
    """Processes that train together have fallen out of step."""


PATIENCE = 2.0  # seconds that a failed process waits for the others to fail too


@contextmanager
def ended_together(communicator: Any) -> Iterator[None]:
    """A context that all processes leave in the same way.

    An error that all have, such as that of a wrong argument, is raised in all. One that a process has alone ends the
    whole job, as the others would wait for it forever: it is printed with the name of the process, and the exit
    code of the job is that of the error.

    Args:
        communicator: an `mpi4py.MPI.Comm` that is used for no other purpose.
    """
    try:
        yield
    except BaseException as error:
        if not _all_failed(communicator):
            print(_message(communicator, error), file=sys.__stderr__, flush=True)
            communicator.Abort(_exit_code(error))
        raise


def _all_failed(communicator: Any) -> bool:
    """Whether all processes come here within the time."""
    request, deadline = communicator.Ibarrier(), time.monotonic() + PATIENCE
    while not request.Test():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _message(communicator: Any, error: BaseException) -> str:
    process = f"process {os.getpid()} on {socket.gethostname()}"
    name = f"rank {communicator.Get_rank()} of {communicator.Get_size()} ({process})"
    if isinstance(error, NNLiteError):
        return f"nnlite: error: {name}: {error}"
    trace = "".join(traceback.format_exception(error))
    return f"{trace}nnlite: error: {name} failed with {type(error).__name__}: {error}"


def _exit_code(error: BaseException) -> int:
    if isinstance(error, NNLiteError):
        return error.exit_code
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code or 1
    return 130 if isinstance(error, KeyboardInterrupt) else 1
