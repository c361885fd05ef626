"""Downloads, cached in a folder and verified by checksum."""

import hashlib
import os
import shutil
import sys
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from nnlite.errors import ConfigError, DataError
from nnlite.errors.boundary import reading
from nnlite.saving import atomic_file

__all__ = ["get_file"]

HEX_DIGITS = {32: "md5", 64: "sha256"}
SECONDS_OF_SILENCE = 60


def get_file(
    fname: str | os.PathLike | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: Literal["auto", "md5", "sha256"] = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike | None = None,
    force_download: bool = False,
) -> str:
    """Download a file unless it is cached already, and return its path.

    Args:
        fname: its name in the folder; the last part of `origin` when None. For an archive that is unpacked, the name
            of the folder, if it has no ending.
        origin: the URL, `https:` or `http:`, or `file:` for a file of this machine.
        untar: as `extract`.
        md5_hash: as `file_hash`.
        file_hash: hexadecimal digits of the checksum that the file must have.
        cache_subdir: the folder in `cache_dir`; an absolute path is used unchanged.
        hash_algorithm: `"auto"` tells MD5 and SHA-256 by the number of digits.
        extract: whether the file is an archive, tar or zip, to be unpacked; the folder is returned then.
        archive_format: `"auto"`, `"tar"`, `"zip"`, or a list of these.
        cache_dir: `$KERAS_HOME`, or `~/.keras` when None, so that files which Keras has downloaded are found.
        force_download: whether an existing file is replaced.

    Raises:
        ConfigError: no `origin`, a path as `fname`, or an invalid checksum.
        DataError: the file is not available, its checksum differs, or the archive is invalid, damaged, or reaches
            outside.
    """
    if origin is None:
        raise ConfigError("get_file needs origin, the URL of the file")
    url = urllib.parse.urlsplit(origin)
    name = os.fspath(fname) if fname is not None else Path(urllib.request.url2pathname(url.path)).name
    if url.scheme not in ("http", "https", "file") or not name:
        raise ConfigError(f"origin must be the URL of a file, such as https://..., got {origin!r}")
    if fname is not None and Path(name).name != name:
        raise ConfigError(f"fname is a name, not a path: pass cache_dir for the folder, got {name!r}")
    unpacked, digest = untar or extract, _Digest(file_hash or md5_hash, hash_algorithm)
    folder = _folder(cache_dir, cache_subdir)
    names_folder = unpacked and fname is not None and not Path(name).suffix
    path = folder / (f"{name}_archive" if names_folder else name)
    if force_download or not path.is_file() or not digest.fits(path):
        _fetch(origin, path, digest)
    if not unpacked:
        return str(path)
    target = folder / (name if names_folder else f"{Path(name).name.split('.')[0]}_extracted")
    _unpack(path, target, _formats(archive_format))
    return str(target)


class _Digest:
    """The checksum that a file must have."""

    def __init__(self, expected: str | None, algorithm: str) -> None:
        self.expected = expected.lower() if expected else None
        self.algorithm = algorithm
        if algorithm not in ("auto", *HEX_DIGITS.values()):
            raise ConfigError(f'hash_algorithm must be "auto", "md5" or "sha256", got {algorithm!r}')
        if self.expected and algorithm == "auto":
            if len(self.expected) not in HEX_DIGITS:
                raise ConfigError(f"file_hash must have 32 (MD5) or 64 (SHA-256) digits, got {len(self.expected)}")
            self.algorithm = HEX_DIGITS[len(self.expected)]

    def of(self, path: Path) -> str:
        total = hashlib.new(self.algorithm)
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
        return total.hexdigest()

    def fits(self, path: Path) -> bool:
        return self.expected is None or self.of(path) == self.expected


def keras_home() -> Path:
    """The folder in which Keras caches files: `$KERAS_HOME`, or `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def _folder(cache_dir: str | os.PathLike | None, subdir: str) -> Path:
    folder = (Path(cache_dir) if cache_dir else keras_home()) / subdir
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"get_file: the folder {folder} cannot be made: {error.strerror}") from None
    return folder


def _fetch(origin: str, path: Path, digest: _Digest) -> None:
    """Put the file at `path` once all of it is there and its checksum is right."""
    waiting = path.with_name(path.name + ".part")
    try:
        with urllib.request.urlopen(origin, timeout=SECONDS_OF_SILENCE) as source, atomic_file(waiting, False) as file:
            shutil.copyfileobj(source, file)
    except urllib.error.HTTPError as error:
        raise DataError(f"{origin} cannot be downloaded: {error.code} {error.reason}") from None
    except OSError as error:
        raise DataError(f"{origin} cannot be downloaded to {path}: {error}") from None
    if not digest.fits(waiting):
        actual = digest.of(waiting)
        waiting.unlink()
        raise DataError(f"{origin}: the {digest.algorithm} checksum is {actual}, expected {digest.expected}")
    os.replace(waiting, path)


def _formats(archive_format: str | Sequence[str] | None) -> tuple[str, ...]:
    named = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    formats = ("tar", "zip") if named == ("auto",) else named
    if set(formats) - {"tar", "zip"}:
        raise ConfigError(f'archive_format must be "auto", "tar" or "zip", got {archive_format!r}')
    return formats


def _unpack(path: Path, target: Path, formats: tuple[str, ...]) -> None:
    """Unpack an archive of plain files and folders, all inside `target`."""
    if "tar" in formats and tarfile.is_tarfile(path):
        with reading(path, "cannot be unpacked"), tarfile.open(path) as archive:
            members = archive.getmembers()
            _check_members(path, target, [member.name for member in members])
            if special := [member.name for member in members if not (member.isfile() or member.isdir())]:
                raise DataError(f"{path}: {special[0]} is a link or a device, which is not unpacked")
            archive.extractall(target, members, **({"filter": "data"} if sys.version_info >= (3, 12) else {}))
    elif "zip" in formats and zipfile.is_zipfile(path):
        with reading(path, "cannot be unpacked"), zipfile.ZipFile(path) as archive:
            _check_members(path, target, archive.namelist())
            archive.extractall(target)
    else:
        raise DataError(f"{path} is not an archive of the format {' or '.join(formats) or 'None'}")


def _check_members(path: Path, target: Path, names: list[str]) -> None:
    root = target.resolve()
    for name in names:
        if not (root / name).resolve().is_relative_to(root):
            raise DataError(f"{path}: {name!r} lies outside the folder that the archive is unpacked to")
