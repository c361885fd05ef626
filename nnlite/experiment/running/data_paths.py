"""The data files of a run: relative to its folder if they are next to it, so that both can be moved together."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from nnlite.data import Data

__all__ = ["beside_folder"]

LEVELS = 2  # above the run folder: "runs/name-1" lies two below the folder of a project


def beside_folder(data: Data, folder: Path) -> dict[str, Any]:
    """The spec of a data section whose paths are absolute, with relative paths for files next to the folder.

    Next to it means in the folder, in its parent, or in the parent of that.
    """
    spec: dict[str, Any] = data.to_spec()
    paths = {field.name for field in fields(data.source)} & set(data.source._files)
    for arguments in spec["source"].values():
        arguments |= {name: _beside(arguments[name], folder) for name in paths}
    files = spec["split"]["files"]
    spec["split"]["files"] = {part: _beside(path, folder) for part, path in files.items()}
    return spec


def _beside(path: Any, folder: Path) -> Any:
    if not isinstance(path, str) or not os.path.isabs(path):
        return path
    try:
        relative = Path(os.path.relpath(path, os.path.abspath(folder)))
    except ValueError:  # another drive
        return path
    return path if relative.parts.count(os.pardir) > LEVELS else relative.as_posix()
