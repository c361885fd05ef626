"""A process that watches the computing one, and reports it if it dies."""

import os
import signal
import socket
import sys
import threading
from types import FrameType

__all__ = ["watched"]

RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")  # where launchers say a process's number
FORWARDED = (signal.SIGINT, signal.SIGTERM)


def watched() -> None:
    """Continue in a child of this process, which waits for it as a shell would, and exits with its code.

    A process that is killed, by the system when memory is short for example, cannot say so; MPI ends the others at
    once, and names none. This has to be called before mpi4py is imported, in a program without threads. Where no
    launcher of MPI has started the process, or a process cannot be copied, nothing happens.
    """
    rank = next((os.environ[name] for name in RANKS if name in os.environ), None)
    if rank is None or sys.platform == "win32":
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(reading)
        _wait(child, rank)
    os.close(writing)
    os.setpgid(0, 0)  # signals come from the parent alone, and so once
    threading.Thread(target=_end_with_parent, args=(reading,), daemon=True).start()


def _end_with_parent(reading: int) -> None:
    """End this process as soon as the parent is gone, which closes its end of the pipe."""
    os.read(reading, 1)
    os._exit(1)


def _wait(child: int, rank: str) -> None:
    """Wait for the child, say whether it died, and end as it did."""

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in FORWARDED:
        signal.signal(number, forward)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        name = signal.Signals(-code).name
        print(
            f"nnlite: error: rank {rank} (process {child} on {socket.gethostname()}) was ended by {name}; continue "
            "from the last checkpoint with --resume",
            file=sys.stderr,
            flush=True,
        )
    os._exit(code if code >= 0 else 128 - code)
