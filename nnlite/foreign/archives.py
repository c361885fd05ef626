"""A `.keras` file is a zip archive, or a folder of the same parts: they are read within bounds, nothing is unpacked."""

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nnlite.errors import ModelFileError
from nnlite.errors.boundary import reading
from nnlite.saving import encode_json, write_atomically

__all__ = [
    "EXTRA",
    "Archive",
    "is_folder_of_keras",
    "kept_beside",
    "parts_of",
    "read_archive",
    "write_archive",
    "write_folder",
]

CONFIG, METADATA, WEIGHTS, EXTRA = "config.json", "metadata.json", "model.weights.h5", "nnlite.safetensors"
ASSETS = "assets/"
LARGEST_JSON = 64 << 20
LARGEST_RATIO = 200  # of an entry to what it takes in the file; weights are stored uncompressed, or halved


class Archive(NamedTuple):
    """Contents of a `.keras` file.

    Attributes:
        config: the model, as Keras describes it.
        weights: an HDF5 file, or the path of one.
        metadata: the version of Keras that wrote it, and when.
        assets: files that layers saved, by path.
    """

    config: dict[str, Any]
    weights: bytes | str | os.PathLike
    metadata: dict[str, Any]
    assets: dict[str, bytes]


def read_archive(path: str | os.PathLike) -> Archive:
    """The parts of a `.keras` file, or of a folder with the same parts.

    Raises:
        ModelFileError: missing, no zip, an entry that is missing, out of place, damaged or far too large.
    """
    with _opened(path) as archive:
        weights, described, about = (archive.read(name) for name in (WEIGHTS, CONFIG, METADATA))
        assets = {
            name: archive.read(name) for name in archive.namelist() if name.startswith(ASSETS) and name[-1] != "/"
        }
    with reading(path, "its description of the model is not JSON", kind=ModelFileError):
        config = json.loads(described)
        metadata = json.loads(about)
    if not isinstance(config, dict):
        raise ModelFileError(f"{path}: {CONFIG} must describe a model, got {type(config).__name__}")
    return Archive(config, weights, metadata, assets)


def kept_beside(path: str | os.PathLike) -> bytes | None:
    """nnlite's own data in a `.keras` file, which Keras ignores; None in a file that Keras wrote.

    The weights are not read. Raises as `read_archive`.
    """
    with _opened(path) as archive:
        return archive.read(EXTRA) if EXTRA in archive.namelist() else None


class Folder:
    """The entries of a folder, read as those of an archive.

    Args:
        path: of the folder.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)

    def namelist(self) -> list[str]:
        """The names of the files."""
        return [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return (self.path / name).read_bytes()


def is_folder_of_keras(path: str | os.PathLike) -> bool:
    """Whether the parts of a `.keras` file lie in this folder."""
    return (Path(path) / CONFIG).is_file()


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile | Folder]:
    if os.path.isdir(path):
        with reading(path, "cannot be read as a folder of Keras", kind=ModelFileError):
            folder = Folder(path)
            _check_complete(path, folder.namelist())
            yield folder
        return
    with reading(path, "cannot be read as a .keras file", kind=ModelFileError), zipfile.ZipFile(path) as archive:
        _check(path, {entry.filename: entry for entry in archive.infolist()})
        yield archive


def _check_complete(path: object, names: Collection[str]) -> None:
    missing = [name for name in (METADATA, CONFIG, WEIGHTS) if name not in names]
    if missing:
        raise ModelFileError(f"{path} is not a .keras file of Keras 3: it lacks {', '.join(missing)}")


def _check(path: object, entries: dict[str, zipfile.ZipInfo]) -> None:
    _check_complete(path, entries)
    for name, entry in entries.items():
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
            raise ModelFileError(f"{path}: the entry {name!r} lies outside the file's own folder")
        packed = max(entry.compress_size, 1)
        if entry.file_size > LARGEST_RATIO * packed + (1 << 20) or (
            name.endswith(".json") and entry.file_size > LARGEST_JSON
        ):
            raise ModelFileError(f"{path}: the entry {name!r} would unpack to {entry.file_size} bytes from {packed}")


def parts_of(config: dict, metadata: dict, weights: bytes, further: Mapping[str, bytes]) -> dict[str, bytes]:
    """The entries of a `.keras` file by name; `further` are those that it need not have."""
    described = {METADATA: json.dumps(metadata).encode(), CONFIG: encode_json(config).encode()}
    return {**described, WEIGHTS: weights, **further}


def write_archive(path: str | os.PathLike, parts: Mapping[str, bytes]) -> None:
    """Write a `.keras` file atomically."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    write_atomically(path, content.getvalue())


def write_folder(path: str | os.PathLike, parts: Mapping[str, bytes]) -> None:
    """Write the parts of a `.keras` file into a folder, which is made if it is missing."""
    for name, part in parts.items():
        (Path(path) / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(path) / name, part)
