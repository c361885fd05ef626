"""Exclusive ownership of a run folder: a lock that the system releases when the process ends, however it does."""

import os
import socket
from pathlib import Path

from nnlite.errors import ConfigError

__all__ = ["Lock", "is_locked"]

NAME = ".lock"
FAR = 2**30  # Windows locks bytes, and locked ones cannot be read: this one is none of the text


class Lock:
    """The lock of a folder; its file names the owner.

    Args:
        folder: that is owned until `release`.

    Raises:
        ConfigError: another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        while True:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _take(self._descriptor):
                holder = self.path.read_text(encoding="utf-8").strip() or "another process"
                os.close(self._descriptor)
                raise ConfigError(f"{folder}: {holder} is training in this folder")
            if self._is_current():
                break
            os.close(self._descriptor)  # its owner has just taken the file away
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Release the folder."""
        if os.name == "posix":
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        if os.name != "posix":  # an open file has to stay there
            self.path.unlink(missing_ok=True)


def is_locked(folder: Path) -> bool:
    """Whether a running process of this machine owns the folder."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _take(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    """Lock an open file, without waiting; False where another has it."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            os.lseek(descriptor, FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
            os.lseek(descriptor, 0, os.SEEK_SET)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
