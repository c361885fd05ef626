"""The `.safetensors` format: arrays by name in one file; reading it runs no code.

A file is the length of its header (eight bytes, little-endian), the header (JSON, filled up with spaces to a multiple
of eight bytes) and the numbers of all arrays without gaps. `encode` writes, byte for byte, what version 0.8 of the
library of that name writes; `decode` reads files of any writer.
"""

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np

from nnlite.arrays.types import BFLOAT16, dtype_of, is_bfloat16
from nnlite.errors import ModelFileError
from nnlite.saving.strict_json import parse_json

__all__ = ["decode", "encode"]

# By the format's order: arrays of the last type come first in a file, so that each starts at a multiple of its size.
DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "BF16": BFLOAT16,
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "C64": "<c8",
    "F64": "<f8",
    "I64": "<i8",
    "U64": "<u8",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items() if code != BFLOAT16}
ORDER = {name: -index for index, name in enumerate(DTYPES)}


def encode(arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytearray:
    """The content of a file with `arrays` and optional `metadata`.

    Raises:
        ModelFileError: an array of a type that the format does not know, such as strings or objects.
    """
    entries: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    kinds = {name: _dtype_name(name, array) for name, array in arrays.items()}
    for name in sorted(arrays, key=lambda name: (ORDER[kinds[name]], name)):
        start, end = end, end + arrays[name].nbytes
        entries[name] = {"dtype": kinds[name], "shape": list(arrays[name].shape), "data_offsets": [start, end]}
    header = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 8)
    content = bytearray(8 + len(header) + end)
    content[: 8 + len(header)] = len(header).to_bytes(8, "little") + header
    for name, array in arrays.items():
        _view(content, entries[name], 8 + len(header))[...] = array
    return content


def decode(content: bytes | bytearray) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """The metadata and the arrays, as views of `content`.

    Raises:
        ModelFileError: not such a file, cut off, or with a header that contradicts itself or the size of the file.
    """
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise ModelFileError(f"a header of {size} bytes does not fit into {len(content)} bytes")
    try:
        entries = parse_json(str(content[8 : 8 + size], "utf-8"))
    except ValueError as error:
        raise ModelFileError(f"the header is not JSON: {error}") from None
    if not isinstance(entries, dict):
        raise ModelFileError(f"the header must be an object, got {type(entries).__name__}")
    metadata = entries.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ModelFileError("the metadata must be strings by name")
    for name, entry in entries.items():
        _check(name, entry)
    _check_offsets([entry["data_offsets"] for entry in entries.values()], len(content) - 8 - size)
    try:
        return metadata, {name: _view(content, entry, 8 + size) for name, entry in entries.items()}
    except (ValueError, OverflowError) as error:  # more axes than NumPy has, or an empty array with a huge axis
        raise ModelFileError(f"an array that NumPy cannot hold: {error}") from None


def _view(content: bytes | bytearray, entry: dict[str, Any], start: int) -> np.ndarray:
    """The array that `entry` describes, as a view of the file's content, whose numbers begin at `start`."""
    return np.ndarray(entry["shape"], dtype_of(DTYPES[entry["dtype"]]), content, start + entry["data_offsets"][0])


def _dtype_name(name: str, array: np.ndarray) -> str:
    if is_bfloat16(array.dtype):
        return "BF16"
    kind = array.dtype.newbyteorder("<")
    if kind not in NAMES:
        raise ModelFileError(f"{name!r} holds {array.dtype}, which the format does not know")
    return NAMES[kind]


def _check(name: str, entry: object) -> None:
    """`ModelFileError` unless an array's entry is complete, and its shape fits its number of bytes."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise ModelFileError(f"{name!r} needs dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        raise ModelFileError(f"{name!r} holds numbers of type {kind!r}, which NumPy does not have")
    if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
        raise ModelFileError(f"{name!r} has shape {shape!r} and offsets {offsets!r}, which are not integers >= 0")
    if math.prod(shape) * dtype_of(DTYPES[kind]).itemsize != offsets[1] - offsets[0]:
        raise ModelFileError(f"{name!r} has shape {shape} of {kind}, which does not fill its offsets {offsets}")


def _check_offsets(offsets: list[list[int]], size: int) -> None:
    """`ModelFileError` unless the arrays fill the file without gaps."""
    ordered = [[0, 0], *sorted(offsets), [size, size]]
    for (_, end), (start, _) in pairwise(ordered):
        if start != end:
            raise ModelFileError(f"an array ends at byte {end}, but the next one, or the end, is at byte {start}")


def _are_counts(values: object) -> bool:
    return isinstance(values, list) and all(type(value) is int and value >= 0 for value in values)
