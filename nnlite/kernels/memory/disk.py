"""Compiled kernels on the disk."""

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["drop_stale"]

MARK = "sources.sha256"


def drop_stale(sources: Path, caches: Iterable[Path]) -> None:
    """Delete the kernels that were compiled from other sources, as those of an earlier version.

    Numba compares a kernel with its own file alone; what it calls from other files is compiled into it.

    Args:
        sources: the folder of the kernels.
        caches: the folders in which Numba keeps them; each has the hash of its sources in a file `sources.sha256`.
    """
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*.py")):
        digest.update(path.read_bytes())
    stamp = digest.hexdigest()
    for cache in caches:
        with contextlib.suppress(OSError):  # what cannot be written is not kept either
            cache.mkdir(parents=True, exist_ok=True)
            mark = cache / MARK
            if not mark.exists() or mark.read_text() != stamp:
                for path in cache.glob("*.nb[ic]"):
                    path.unlink(missing_ok=True)
                mark.write_text(stamp)
