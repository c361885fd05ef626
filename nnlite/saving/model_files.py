"""The only reader and writer of model files.

A file is a `.safetensors` file with one metadata entry, `nnlite`: the SHA-256 of the whole file, computed with zeros
in its own place, then a JSON header. The sum is verified before anything is parsed.
"""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import ModelFileError
from nnlite.errors.caller import warn_user
from nnlite.saving import safetensors
from nnlite.saving.atomic import write_atomically
from nnlite.saving.boundary import reading_saved
from nnlite.saving.strict_json import encode_json, parse_json

__all__ = [
    "FORMAT",
    "check_names",
    "content_of",
    "fill",
    "names_that_fit",
    "read",
    "slots_from_arrays",
    "slots_to_arrays",
    "write",
]

FORMAT = 2
# What hashed by BLAKE2 in a file of format 1: layers of hashes, and lookups with several places for unknown categories.
_BLAKE2 = re.compile(
    r'"(Hashing|HashedCrossing)": *{|"StringLookup": *{[^}]*"num_oov_indices": *([2-9]|[1-9][0-9])'
    r'|"IntegerLookup": *{[^}]*"farmhash"'
)
_START = b'{"__metadata__":{"nnlite":"'
CHECKSUM = slice(8 + len(_START), 8 + len(_START) + 64)


def write(path: str | os.PathLike, header: dict, arrays: dict[str, np.ndarray], overwrite: bool = True) -> None:
    """Write `header` and `arrays` atomically.

    Args:
        path: its folder must exist.
        overwrite: whether a file of that name is replaced.
        header: JSON values.
        arrays: by name.

    Raises:
        ModelFileError: the folder is missing, `path` is a folder or a file that is not to be replaced, or `header`
            is one that `read` would refuse.
        OutputError: the disk is full, or the system refuses to write.
    """
    if Path(path).is_dir() or (Path(path).exists() and not overwrite):
        raise ModelFileError(f"{path}: exists already" + (" and is a folder" if Path(path).is_dir() else ""))
    if not Path(path).parent.is_dir():
        raise ModelFileError(f"{path}: the folder {Path(path).parent} does not exist")
    try:
        text = encode_json({"format": FORMAT, **header})
        parse_json(text)  # what cannot be read is not written
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: cannot be written: {error}") from None
    content = safetensors.encode(arrays, {"nnlite": "0" * 64 + text})
    content[CHECKSUM] = hashlib.sha256(content).hexdigest().encode()
    write_atomically(path, content)


def read(path: str | os.PathLike) -> tuple[dict, dict[str, np.ndarray]]:
    """The header and the arrays of a file; the arrays share the memory of its content.

    Raises:
        ModelFileError: missing, damaged, not written by nnlite, or of a newer format.
    """
    with reading_saved(path):
        return _read(path)


def _read(path: str | os.PathLike) -> tuple[dict, dict[str, np.ndarray]]:
    content = content_of(path)
    if content[8 : CHECKSUM.start] != _START:
        remedy = "name a run folder, or a file that was written by nnlite"
        raise ModelFileError(f"{path}: not a model file of nnlite, or damaged at its start; {remedy}")
    expected = bytes(content[CHECKSUM])
    content[CHECKSUM] = b"0" * 64
    if hashlib.sha256(content).hexdigest().encode() != expected:
        raise ModelFileError(f"{path}: damaged, the checksum does not fit; restore it from a copy")
    metadata, arrays = safetensors.decode(content)
    return _header(metadata.get("nnlite", "")[64:], path), arrays


def content_of(path: str | os.PathLike) -> bytearray:
    """All bytes of a regular file; `ModelFileError` for a folder, and for a pipe or a device, which never ends."""
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(f"{path}: not a regular file")
        content = bytearray(status.st_size)
        if file.readinto(content) != status.st_size:
            raise ModelFileError(f"{path}: changed while it was read")
        return content


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe without a writer does not block, on platforms that have pipes."""
    return os.open(path, flags | vars(os).get("O_NONBLOCK", 0))


def _header(text: str, path: object) -> dict[str, Any]:
    """The header written as `text`; `ModelFileError` if it is none, or of a newer format."""
    try:
        header = parse_json(text)
    except ValueError as error:
        raise ModelFileError(f"{path}: the header of nnlite is not JSON: {error}") from None
    if not isinstance(header, dict) or type(header.get("format")) is not int:
        raise ModelFileError(f"{path}: the header of nnlite does not say which format it has")
    if header["format"] > FORMAT:
        raise ModelFileError(f"{path}: format {header['format']} is newer than this nnlite reads ({FORMAT}); upgrade")
    if header["format"] == 1 and _BLAKE2.search(text):
        raise ModelFileError(
            f"{path}: nnlite 0.1 wrote it, which hashed categories by BLAKE2; now the hashes are Keras's: predict with "
            "version 0.1, or train the model again"
        )
    return header


def check_names(needed: dict, present: dict, source: object, exact: bool = False) -> None:
    """`ModelFileError` listing missing and unexpected names, and mismatched shapes and dtypes.

    Args:
        needed, present: arrays by name.
        source: where those present come from.
        exact: whether types must be equal; else they may differ in precision, as float32 and float64 do.
    """
    missing, extra = sorted(needed.keys() - present.keys()), sorted(present.keys() - needed.keys())
    shared = sorted(needed.keys() & present.keys())
    shapes = [
        f"{name} is {present[name].shape}, needed {needed[name].shape}"
        for name in shared
        if needed[name].shape != present[name].shape
    ]
    types = [
        f"{name} is {present[name].dtype}, needed {needed[name].dtype}"
        for name in shared
        if present[name].dtype != needed[name].dtype and (exact or present[name].dtype.kind != needed[name].dtype.kind)
    ]
    groups = (("missing", missing), ("left over", extra), ("other shapes", shapes), ("other types", types))
    problems = [f"{title}: {', '.join(names)}" for title, names in groups if names]
    if problems:
        raise ModelFileError(f"{source} does not fit the model; {'; '.join(problems)}")


def names_that_fit(needed: Mapping[str, Shape], present: Mapping[str, Any], source: object) -> list[str]:
    """The names of the present arrays with the required shape; issues a warning for all others.

    Args:
        needed: shapes by name.
        present: arrays by name.
        source: where those present come from.
    """
    fits = [name for name, shape in needed.items() if name in present and present[name].shape == shape]
    others = sorted({*needed, *present}.difference(fits))
    if others:
        warn_user(f"{source}: left out, since they do not fit: {', '.join(others)}")
    return fits


def fill(needed: dict, present: dict, source: object) -> None:
    """Copy arrays into those of the same name, if all match, by `check_names`."""
    check_names(needed, present, source, exact=True)
    for name, array in present.items():
        needed[name][...] = array


def slots_to_arrays(slots: list[dict]) -> dict[str, np.ndarray]:
    """An optimizer's slots, one dict per pack of parameters, as arrays under names for a file."""
    return {f"optimizer/{pack}/{name}": slot for pack, vectors in enumerate(slots) for name, slot in vectors.items()}


def slots_from_arrays(arrays: dict[str, np.ndarray]) -> list[dict]:
    """The inverse of `slots_to_arrays`; other names are ignored.

    Raises:
        ModelFileError: a name without pack and slot, or packs that are not numbered 0, 1, ...
    """
    names = [name for name in sorted(arrays) if name.startswith("optimizer/")]
    packs: dict[str, dict] = {}
    for name in names:
        _, pack, slot = name.split("/", 2) if name.count("/") > 1 else ("", "", "")
        packs.setdefault(pack, {})[slot] = arrays[name]
    numbers = [str(number) for number in range(len(packs))]
    if packs.keys() != set(numbers):
        raise ModelFileError(f"the optimizer's arrays are not numbered pack by pack from 0: {', '.join(names)}")
    return [packs[number] for number in numbers]
