"""A folder with integrity checks: a list of its files with SHA-256 sums, verified when it is opened."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from nnlite.errors import DataError
from nnlite.registry import Section
from nnlite.registry.bounds import Count
from nnlite.saving.atomic import write_atomically
from nnlite.saving.boundary import reading_saved
from nnlite.saving.model_files import content_of
from nnlite.saving.strict_json import parse_json

__all__ = ["MANIFEST", "check_manifest", "read_json", "write_manifest"]

MANIFEST = "manifest.json"
FORMAT = 1  # of the manifest


class Manifest(Section, abstract=True):
    """List of the files of a folder.

    Args:
        format: number of the format.
        files: name -> SHA-256 of the file, in hexadecimal digits.
    """

    format: Count
    files: dict[str, str]


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Write `manifest.json` for the existing files of the folder among these."""
    sums = {name: _sum(folder / name) for name in names if (folder / name).is_file()}
    write_atomically(folder / MANIFEST, (json.dumps({"format": FORMAT, "files": sums}, indent=2) + "\n").encode())


def check_manifest(folder: Path, names: Iterable[str] | None = None) -> None:
    """`DataError` unless the files match the manifest; no check if there is no manifest.

    Args:
        folder: of the files.
        names: those to look at; all that are listed when None.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return
    with reading_saved(path, DataError):
        manifest = Manifest.get(read_json(path))
        if manifest.format != FORMAT:
            raise DataError(
                f"{path}: format {manifest.format}, but this version reads {FORMAT}; open the folder with "
                "the version of nnlite that wrote it"
            )
        files = manifest.files
    for name in files if names is None else names:
        if Path(name).name != name:
            raise DataError(f"{path}: lists {name!r}, which is not the name of a file")
        problem = _problem(folder / name, files.get(name))
        if problem:
            raise DataError(f"{folder / name}: {problem}; restore it from a copy, or remove {path} to skip this check")


def _problem(path: Path, expected: str | None) -> str:
    """The problem of a file; empty if it is unchanged."""
    if not path.is_file():
        return "is missing, but belongs to what the training wrote"
    return "" if _sum(path) == expected else "is not what the training wrote, by its SHA-256"


def _sum(path: Path) -> str:
    with reading_saved(path, DataError):
        return hashlib.sha256(content_of(path)).hexdigest()


def read_json(path: Path) -> dict:
    """The object in a JSON file; `DataError` if it is missing, damaged or another type."""
    with reading_saved(path, DataError):
        try:
            values = parse_json(bytes(content_of(path)).decode("utf-8"))
        except ValueError as error:
            raise DataError(f"{path}: damaged ({error})") from None
        if not isinstance(values, dict):
            raise DataError(f"{path}: damaged (expected an object, got {type(values).__name__})")
        return values
