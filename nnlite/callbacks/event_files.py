"""TensorBoard's event files, written without TensorFlow: records with CRC-32C checksums that hold protocol buffers."""

import itertools
import os
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nnlite.charts.histogram import binned

__all__ = ["EventFile"]

BUCKETS = 30
_NUMBERS = itertools.count()


def _crc_table() -> list[int]:
    """The remainders of all bytes by the Castagnoli polynomial, reflected."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(content: bytes) -> int:
    """The CRC-32C checksum of `content`, as defined by RFC 3720.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in content:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked(content: bytes) -> bytes:
    """The sum as TFRecord files have it: rotated by 15 bits, plus a constant."""
    crc = crc32c(content)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    """A non-negative integer, seven bits a byte, the lowest first."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(parts) + bytes([number])


def _field(number: int, content: bytes) -> bytes:
    """Field `number` of a message, of variable length: bytes, a text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _event(step: int, number: int, content: bytes) -> bytes:
    """`tensorflow.Event`: wall_time = 1, step = 2, and field `number`."""
    return _double(1, time.time()) + _varint(2 << 3) + _varint(step) + _field(number, content)


class EventFile:
    """A new event file in a folder, which is created if it is missing.

    Args:
        folder: where TensorBoard looks for it.

    Reference: tensorflow/core/util/event.proto and framework/summary.proto; lib/io/record_writer.h.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{next(_NUMBERS)}"
        self.path = Path(folder, name)
        self._file: BinaryIO = open(self.path, "wb")  # noqa: SIM115 - `close` closes it
        self._write(_event(0, 3, b"brain.Event:2"))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Write scalars by their tags."""
        tagged = [_field(1, _field(1, tag.encode()) + _simple_value(value)) for tag, value in values.items()]
        self._write(_event(step, 5, b"".join(tagged)))

    def histogram(self, step: int, tag: str, values: np.ndarray) -> None:
        """Write a histogram of the finite values."""
        numbers = values[np.isfinite(values)].astype(np.float64)
        if numbers.size:
            self._write(_event(step, 5, _field(1, _field(1, tag.encode()) + _field(5, _histogram(numbers)))))

    def flush(self) -> None:
        """Flush the file, so that readers see what has been written."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked(length) + event + _masked(event))


def _simple_value(value: float) -> bytes:
    """`Summary.Value.simple_value`, a float of 32 bits."""
    with np.errstate(over="ignore"):
        return _varint(2 << 3 | 5) + np.float32(value).astype("<f4").tobytes()


def _histogram(numbers: np.ndarray) -> bytes:
    """`HistogramProto`: min, max, num, sum, sum_squares, bucket_limit, bucket."""
    counts, edges = binned(numbers, BUCKETS)
    moments: Sequence[float] = (
        numbers.min(), numbers.max(), numbers.size, numbers.sum(), np.square(numbers).sum(),
    )  # fmt: skip
    scalars = b"".join(_double(number, float(value)) for number, value in enumerate(moments, start=1))
    return scalars + _field(6, edges[1:].astype("<f8").tobytes()) + _field(7, counts.astype("<f8").tobytes())
