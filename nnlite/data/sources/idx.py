"""The IDX format of the MNIST files: a four-byte magic number, the dimensions, the values; all big-endian."""

import dataclasses
import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.arrays import checked_numbers, dataset_of
from nnlite.data.sources.base import Dataset, DataSource, find_file
from nnlite.errors import DataError

__all__ = ["Idx", "read_idx"]

# Third byte of the magic number -> type of one value. The bytes before it are zero, the one after it counts dimensions.
VALUE_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: str) -> np.ndarray:
    """The array in an IDX file, plain or compressed by gzip.

    Raises:
        DataError: no such file, not an IDX file, or one that is cut short or too long.

    Reference: LeCun, Cortes & Burges, "The MNIST database", section "File formats".
    """
    content = _read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in VALUE_TYPES:
        raise DataError(f"{path}: not an IDX file; it begins with {content[:4].hex(' ') or 'nothing'}")
    dtype, start = np.dtype(VALUE_TYPES[content[2]]), 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    expected = start + dtype.itemsize * math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{path}: damaged; shape {shape} of {dtype} needs {expected} bytes, found {len(content)}")
    values = np.frombuffer(content, dtype, offset=start)
    return values.reshape(shape).astype(dtype.newbyteorder("="))


def _read_bytes(path: str) -> bytes:
    try:
        content = Path(path).read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


class Idx(DataSource):
    """Two files in the IDX format of MNIST, plain or compressed by gzip; values stay as they are (0 to 255).

    Args:
        inputs: the file of the images, of shape (rows, height, width).
        target: the file of the labels, of shape (rows,).
    """

    inputs: str
    target: str
    _files = ("inputs", "target")

    def located(self, folder: str) -> "Idx":
        inputs, target = find_file(self.inputs, folder), find_file(self.target, folder)
        return dataclasses.replace(self, inputs=inputs, target=target)

    def load(self, target_kind: TargetKind) -> Dataset:
        return dataset_of(self.read_inputs(self.inputs), read_idx(self.target), target_kind, self.target)

    def read_inputs(self, path: str) -> np.ndarray:
        return checked_numbers(read_idx(path), path)
