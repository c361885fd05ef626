"""A `.keras` file is a zip archive: its required parts are read within bounds, and nothing is unpacked to disk."""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from nnlite.errors import ModelFileError
from nnlite.errors.boundary import reading
from nnlite.saving import write_atomically

__all__ = ["Archive", "kept_beside", "read_archive", "write_archive"]

CONFIG, METADATA, WEIGHTS, EXTRA = "config.json", "metadata.json", "model.weights.h5", "nnlite.safetensors"
LARGEST_JSON = 64 << 20
LARGEST_RATIO = 200  # of an entry to what it takes in the file; weights are stored uncompressed, or halved


class Archive(NamedTuple):
    """Contents of a `.keras` file.

    Attributes:
        config: the model, as Keras describes it.
        weights: an HDF5 file.
    """

    config: dict[str, Any]
    weights: bytes


def read_archive(path: str | os.PathLike) -> Archive:
    """The parts of a `.keras` file.

    Raises:
        ModelFileError: missing, no zip, an entry that is missing, out of place, damaged or far too large.
    """
    with _opened(path) as archive:
        weights, described, metadata = (archive.read(name) for name in (WEIGHTS, CONFIG, METADATA))
    with reading(path, "its description of the model is not JSON", kind=ModelFileError):
        config = json.loads(described)
        json.loads(metadata)
    if not isinstance(config, dict):
        raise ModelFileError(f"{path}: {CONFIG} must describe a model, got {type(config).__name__}")
    return Archive(config, weights)


def kept_beside(path: str | os.PathLike) -> bytes | None:
    """nnlite's own data in a `.keras` file, which Keras ignores; None in a file that Keras wrote.

    The weights are not read. Raises as `read_archive`.
    """
    with _opened(path) as archive:
        return archive.read(EXTRA) if EXTRA in archive.namelist() else None


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    with reading(path, "cannot be read as a .keras file", kind=ModelFileError), zipfile.ZipFile(path) as archive:
        _check(path, {entry.filename: entry for entry in archive.infolist()})
        yield archive


def _check(path: object, entries: dict[str, zipfile.ZipInfo]) -> None:
    missing = [name for name in (METADATA, CONFIG, WEIGHTS) if name not in entries]
    if missing:
        raise ModelFileError(f"{path} is not a .keras file of Keras 3: it lacks {', '.join(missing)}")
    for name, entry in entries.items():
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise ModelFileError(f"{path}: the entry {name!r} lies outside the file's own folder")
        packed = max(entry.compress_size, 1)
        if entry.file_size > LARGEST_RATIO * packed + (1 << 20) or (
            name.endswith(".json") and entry.file_size > LARGEST_JSON
        ):
            raise ModelFileError(f"{path}: the entry {name!r} would unpack to {entry.file_size} bytes from {packed}")


def write_archive(path: str | os.PathLike, config: dict, metadata: dict, weights: bytes, extra: bytes) -> None:
    """Write a `.keras` file atomically."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config, allow_nan=False))
        archive.writestr(WEIGHTS, weights)
        archive.writestr(EXTRA, extra)
    write_atomically(path, content.getvalue())
