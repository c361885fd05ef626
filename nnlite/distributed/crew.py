"""Worker processes that load what they need while their work is being prepared, and are then given it."""

import contextlib
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

__all__ = ["Crew"]

PATIENCE = 5  # seconds for a process to end on its own, as after Ctrl-C, which reaches it too


class Crew:
    """Worker processes that are started at once; a context, at whose end they have ended.

    Args:
        size: number of processes.
        load: called first in each of them, to import what the work needs; a function of a module.

    Attributes:
        tickets: an integer that all processes share, with a lock.
    """

    def __init__(self, size: int, load: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self.tickets = context.Value("i", 0)
        self._members: list[tuple[Any, Connection]] = []
        for _ in range(size):
            here, there = context.Pipe()
            process = context.Process(target=_member, args=(there, load, self.tickets), daemon=True)
            process.start()
            there.close()
            self._members.append((process, here))

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process, connection in self._members:
            connection.close()  # which ends those that have no work
            process.join(PATIENCE)
            process.terminate()

    def give(self, number: int, work: Callable[..., None], *arguments: Any) -> None:
        """Let process `number` call `work(tickets, *arguments)`."""
        with contextlib.suppress(BrokenPipeError):  # a process that died; `failed` tells
            self._members[number][1].send((work, arguments))

    def join(self) -> None:
        """Wait until all processes have ended."""
        for process, connection in self._members:
            connection.close()
            process.join()

    @property
    def failed(self) -> int | None:
        """The exit code of a process that failed; None if all have ended well or are still running."""
        return next((process.exitcode for process, _ in self._members if process.exitcode), None)

    def __len__(self) -> int:
        return len(self._members)


def _member(connection: Connection, load: Callable[[], None], tickets: Any) -> None:
    """Load, wait for work, do it."""
    try:
        load()
        work, arguments = connection.recv()
    except (EOFError, KeyboardInterrupt):  # no terminal
        return
    work(tickets, *arguments)
