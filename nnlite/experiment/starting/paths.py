"""Paths of data as a config says them."""

import os
from pathlib import Path

__all__ = []


def seen_from(path: str, out: str | None) -> str:
    """`path` as the config in `out` says it: relative to its folder, unless it is absolute."""
    return path if out is None or os.path.isabs(path) else os.path.relpath(path, Path(out).parent)
