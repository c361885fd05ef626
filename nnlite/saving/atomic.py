"""Files that appear complete or not at all, whatever happens during writing."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from nnlite.errors import OutputError

__all__ = ["atomic_file", "flush_to_disk", "need_space", "remove_leftovers", "replace_by_link", "write_atomically"]

# O_EXCL with O_CREAT follows no link; the others exist on some platforms alone.
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL
for _name in ("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY"):
    FLAGS |= vars(os).get(_name, 0)


def write_atomically(path: str | os.PathLike, content: bytes | bytearray | memoryview, durable: bool = True) -> None:
    """Write a temporary file beside `path`, flush it to the disk, rename it, flush the folder.

    Args:
        path: its folder must exist.
        content: what the file holds.
        durable: whether it survives a power failure as well; without, nothing is flushed, which saves milliseconds.

    Raises:
        OutputError: the disk is full, or anything else that the system refuses; a file that was there is untouched.
    """
    need_space(Path(path).parent, len(content), path)
    with atomic_file(path, durable) as file:
        file.write(content)


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write that appears at `path`, complete, when the context ends; not at all after an error.

    The temporary file lies in the same folder, and gets its permissions from the system as any new file does.

    Raises:
        OutputError: the system refuses to make, write, flush or rename the file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    with _explaining(path):
        descriptor = os.open(temporary, FLAGS, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            with _explaining(path):
                file.flush()
                if durable:
                    os.fsync(file.fileno())
        with _explaining(path):
            os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno in NO_SPACE and not isinstance(error, OutputError):
            raise OutputError.of(path, error) from error
        raise
    if durable:
        flush_to_disk(path.parent)


NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)  # of writing, not of what is written


def flush_to_disk(folder: Path) -> None:
    """Flush the directory entries of a folder to disk, if the platform supports that."""
    if os.name == "posix":
        with contextlib.suppress(OSError):  # a file system may flush files alone; these are on the disk already
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def replace_by_link(source: Path, target: Path) -> None:
    """Make `target` a link to the file `source`, atomically; a copy if the file system has no links."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        os.link(source, temporary)
    except OSError:
        write_atomically(target, source.read_bytes())
        return
    try:
        with _explaining(target):
            os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):  # nothing is left, unless the renaming failed
            os.unlink(temporary)


def need_space(folder: Path, size: int, purpose: object) -> None:
    """`OutputError` unless the disk of `folder` has room for `size` bytes of `purpose`."""
    try:
        free = shutil.disk_usage(folder).free
    except (OSError, AttributeError):  # unknown, or a platform that cannot tell, such as WebAssembly: writing will
        return
    if free < size:
        raise OutputError(
            errno.ENOSPC, f"needs {size / 2**20:.1f} MiB, the disk has {free / 2**20:.1f} MiB left", str(purpose)
        )


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove temporary files of killed writes in `folder`; to be called by its only owner. Returns their paths."""
    removed = []
    for path in sorted(folder.glob(".*.tmp")):
        with contextlib.suppress(OSError):
            path.unlink()
            removed.append(path)
    return removed


@contextlib.contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """A context in which the system's refusals name `path`, rather than the temporary file."""
    try:
        yield
    except OSError as error:
        raise OutputError.of(path, error) from error
