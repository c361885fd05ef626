"""A `.keras` file is a zip: what it must have is read with bounds, and nothing is unpacked to the disk."""

import io
import json
import os
import zipfile
from typing import Any, NamedTuple

from nnlite.errors import ModelFileError
from nnlite.errors.boundary import reading
from nnlite.saving import write_atomically

__all__ = ["Archive", "read_archive", "write_archive"]

CONFIG, METADATA, WEIGHTS, EXTRA = "config.json", "metadata.json", "model.weights.h5", "nnlite.safetensors"
LARGEST_JSON = 64 << 20
LARGEST_RATIO = 200  # of an entry to what it takes in the file; weights are stored as they are, or halved


class Archive(NamedTuple):
    """What a `.keras` file holds.

    Attributes:
        config: the model, as Keras describes it.
        weights: an HDF5 file.
        extra: what nnlite adds for itself, which Keras passes over; None in a file of Keras.
    """

    config: dict[str, Any]
    weights: bytes
    extra: bytes | None


def read_archive(path: str | os.PathLike) -> Archive:
    """The parts of a `.keras` file.

    Raises:
        ModelFileError: missing, no zip, an entry that is missing, out of place, damaged or far too large.
    """
    with reading(path, "cannot be read as a .keras file", kind=ModelFileError), zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        _check(path, entries)
        weights = archive.read(entries[WEIGHTS])
        extra = archive.read(entries[EXTRA]) if EXTRA in entries else None
        described, metadata = archive.read(entries[CONFIG]), archive.read(entries[METADATA])
    with reading(path, "its description of the model is not JSON", kind=ModelFileError):
        config = json.loads(described)
        json.loads(metadata)
    if not isinstance(config, dict):
        raise ModelFileError(f"{path}: {CONFIG} must describe a model, got {type(config).__name__}")
    return Archive(config, weights, extra)


def _check(path: object, entries: dict[str, zipfile.ZipInfo]) -> None:
    missing = [name for name in (METADATA, CONFIG, WEIGHTS) if name not in entries]
    if missing:
        raise ModelFileError(f"{path} is no .keras file of Keras 3: it lacks {', '.join(missing)}")
    for name, entry in entries.items():
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise ModelFileError(f"{path}: the entry {name!r} lies outside the file's own folder")
        packed = max(entry.compress_size, 1)
        if entry.file_size > LARGEST_RATIO * packed + (1 << 20) or (
            name.endswith(".json") and entry.file_size > LARGEST_JSON
        ):
            raise ModelFileError(f"{path}: the entry {name!r} would unpack to {entry.file_size} bytes from {packed}")


def write_archive(path: str | os.PathLike, config: dict, metadata: dict, weights: bytes, extra: bytes) -> None:
    """Write a `.keras` file, which appears whole or not at all."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config, allow_nan=False))
        archive.writestr(WEIGHTS, weights)
        archive.writestr(EXTRA, extra)
    write_atomically(path, content.getvalue())
