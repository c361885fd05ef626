"""The dataframe interchange protocol, `__dataframe__`: tables of any library, read from their memory.

https://data-apis.org/dataframe-protocol/latest/API.html
"""

import ctypes
import dataclasses
import itertools
from typing import Any

import numpy as np

from nnlite.data.frames.cells import column_of, column_of_cells
from nnlite.data.frames.frame import Column
from nnlite.errors import DataError

__all__ = []

INTEGER, UNSIGNED, FLOAT, BOOLEAN, TEXT, DATE, CATEGORY = 0, 1, 2, 20, 21, 22, 23
NO_GAPS, NAN, SENTINEL, BITS, BYTES = range(5)
LETTERS = {INTEGER: "i", UNSIGNED: "u", FLOAT: "f", BOOLEAN: "u", DATE: "i"}
UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}


def interchange_columns(X: Any) -> list[Column]:
    """The columns of a table that offers `__dataframe__`."""
    table = X.__dataframe__()
    columns: dict[str, list[Any]] = {str(name): [] for name in table.column_names()}
    for chunk in table.get_chunks():
        for name, column in zip(columns, chunk.get_columns(), strict=True):
            columns[name].extend([column] if column.num_chunks() == 1 else column.get_chunks())
    return [_joined(name, parts) for name, parts in columns.items()]


def _joined(name: str, parts: list[Any]) -> Column:
    kind, _, form, _ = parts[0].dtype
    chunks = [_cells(name, part) for part in parts]
    if kind == CATEGORY or any(isinstance(chunk, list) for chunk in chunks):
        column = column_of_cells(name, [cell for chunk in chunks for cell in chunk], category=kind == CATEGORY)
    else:
        column = column_of(name, np.concatenate(chunks))
    return dataclasses.replace(column, zoned=bool(form.partition(":")[2])) if kind == DATE else column


def _cells(name: str, part: Any) -> np.ndarray | list[Any]:
    """The cells of a column: an array where its type has a gap of its own, else a list with None for gaps."""
    kind, _, form, _ = part.dtype
    buffers = part.get_buffers()
    gaps = _gaps(part, buffers)
    if kind == CATEGORY:
        levels = list(_cells(name, part.describe_categorical["categories"]))
        codes = _memory(part, buffers["data"])
        return [None if gap else levels[code] for code, gap in zip(codes.tolist(), gaps, strict=True)]
    if kind == TEXT:
        cells = _texts(part, buffers)
    elif kind not in LETTERS:
        raise DataError(f"column {name!r} is of a type ({form}) that dataframe interchange has no meaning for")
    else:
        values = _memory(part, buffers["data"])
        if kind == DATE:
            days = form.startswith("tdD")
            values = values.astype("datetime64[D]") if days else values.astype(f"datetime64[{UNITS[form[2]]}]")
        values = values.astype(bool) if kind == BOOLEAN else values
        if not gaps.any():
            return values
        cells = values.tolist() if kind != DATE else list(values)
    return [None if gap else cell for cell, gap in zip(cells, gaps, strict=True)]


def _array(buffer: Any, dtype: np.dtype, start: int, count: int) -> np.ndarray:
    """A copy of `count` numbers of a buffer from number `start` on: the buffer's owner may let it go."""
    address = buffer.ptr + start * dtype.itemsize
    return np.frombuffer(ctypes.string_at(address, count * dtype.itemsize), dtype)


def _bits(buffer: Any, start: int, count: int) -> np.ndarray:
    packed = _array(buffer, np.dtype(np.uint8), 0, -(-(start + count) // 8))
    return np.unpackbits(packed, bitorder="little")[start : start + count].astype(bool)


def _memory(part: Any, data: tuple[Any, Any]) -> np.ndarray:
    buffer, (kind, bits, *_) = data
    if bits == 1:
        return _bits(buffer, part.offset, part.size())
    return _array(buffer, np.dtype(f"{LETTERS[kind]}{bits // 8}"), part.offset, part.size())


def _texts(part: Any, buffers: dict[str, Any]) -> list[str]:
    offsets_buffer, (_, bits, *_) = buffers["offsets"]
    offsets = _array(offsets_buffer, np.dtype(f"i{bits // 8}"), part.offset, part.size() + 1).tolist()
    content = ctypes.string_at(buffers["data"][0].ptr, offsets[-1])
    return [content[start:end].decode() for start, end in itertools.pairwise(offsets)]


def _gaps(part: Any, buffers: dict[str, Any]) -> np.ndarray:
    how, value = part.describe_null
    if how in (BITS, BYTES) and buffers["validity"] is not None:
        buffer, _ = buffers["validity"]
        mask = _bits(buffer, part.offset, part.size()) if how == BITS else _memory(part, buffers["validity"])
        return mask.astype(bool) == bool(value)
    if how == SENTINEL:
        return _memory(part, buffers["data"]) == value
    return np.zeros(part.size(), bool)
