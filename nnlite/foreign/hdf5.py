"""HDF5 as Keras uses it: arrays by path within a single file."""

import contextlib
import io
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import BFLOAT16, dtype_of, is_bfloat16
from nnlite.errors import ModelFileError, needed_for
from nnlite.errors.boundary import reading

__all__ = ["SIGNATURE", "Datasets", "encode", "opened"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
DEEPEST = 100  # groups within one another
LARGEST_RATIO = 200  # of an array to what it takes in the file; beyond a mebibyte
LARGEST_LIST = 60_000  # bytes of an attribute; longer lists of names are divided


def _h5py() -> Any:
    with needed_for("files of Keras are read and written by h5py", "nnlite[keras]"):
        import h5py

        return h5py


class Datasets(dict[str, Any]):
    """Path -> data set of each array in an open file; `datasets[path][()]` reads it.

    Args:
        file: of h5py.
        datasets: by path.
    """

    def __init__(self, file: Any, datasets: Iterator[tuple[str, Any]]) -> None:
        super().__init__(datasets)
        self.file = file

    def attribute(self, group: str, name: str) -> Any:
        """A text, or a list of texts, also a divided one, that is an attribute of a group; None if it is missing."""
        attributes = self.file[group or "/"].attrs if not group or group in self.file else {}
        if name in attributes:
            return _texts(attributes[name])
        names = (f"{name}{number}" for number in itertools.count())
        parts = itertools.takewhile(lambda part: part in attributes, names)
        return [text for part in parts for text in _texts(attributes[part])] or None


def _texts(value: Any) -> Any:
    if isinstance(value, (str, bytes)):
        return value.decode() if isinstance(value, bytes) else value
    return [_texts(item) for item in value.tolist()] if isinstance(value, np.ndarray) else value


def encode(
    arrays: Mapping[str, np.ndarray],
    groups: Mapping[str, str],
    attributes: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
) -> bytes:
    """The bytes of a file.

    Args:
        arrays: by path.
        groups: path -> name of its layer, which Keras keeps as an attribute; these groups exist even when empty.
        attributes: path of a group -> its further attributes, texts and lists of texts; such groups exist too.
    """
    content = io.BytesIO()
    with _h5py().File(content, "w") as file:
        for path, name in groups.items():
            file.create_group(path).attrs["name"] = name
        for path, array in arrays.items():
            dataset = file.create_dataset(path, data=array)
            if is_bfloat16(array.dtype):  # which the format keeps as bytes
                dataset.attrs["dtype"] = BFLOAT16
        for path, told in (attributes or {}).items():
            group = file.require_group(path) if path else file
            for name, value in told.items():
                group.attrs.update(_divided(name, value))
    return content.getvalue()


def _divided(name: str, value: str | Sequence[str]) -> dict[str, Any]:
    """An attribute, or several numbered ones of a list that is too long for one."""
    if isinstance(value, str):
        return {name: value.encode()}
    texts = np.array([text.encode() for text in value]) if value else np.zeros(0)
    parts = np.array_split(texts, -(-texts.nbytes // LARGEST_LIST) or 1)
    return {name: texts} if len(parts) == 1 else {f"{name}{number}": part for number, part in enumerate(parts)}


@contextlib.contextmanager
def opened(source: bytes | str | os.PathLike, label: object) -> Iterator[Datasets]:
    """The arrays in a file, which are read inside the context.

    Raises:
        ModelFileError: no HDF5 file, a damaged one, one that points to other files or walks in circles, or an array
            that is far larger than what the file holds of it.
    """
    h5py = _h5py()
    content = io.BytesIO(source) if isinstance(source, bytes) else source
    with reading(label, "the weights cannot be read as HDF5", kind=ModelFileError), h5py.File(content, "r") as file:
        yield Datasets(file, _datasets(file, "", h5py, label, set()))


def _datasets(group: Any, prefix: str, h5py: Any, label: object, seen: set[Any]) -> Iterator[tuple[str, Any]]:
    """The data sets below a group; `seen` are the groups so far; a group may occur only once."""
    if group.id in seen:
        raise ModelFileError(f"{label}: the group {prefix or '/'} occurs more than once")
    if prefix.count("/") > DEEPEST:
        raise ModelFileError(f"{label}: its groups are too deep within one another")
    seen.add(group.id)
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ModelFileError(f"{label}: {prefix}{name} is a link, which is not followed")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(item, f"{prefix}{name}/", h5py, label, seen)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ModelFileError(f"{label}: the numbers of {prefix}{name} lie in another file, which is not read")
            stored = item.id.get_storage_size()
            if item.nbytes > LARGEST_RATIO * stored + (1 << 20):
                raise ModelFileError(
                    f"{label}: {prefix}{name} would have {item.nbytes} bytes, and the file holds {stored} of them"
                )
            yield f"{prefix}{name}", item[()].view(dtype_of(BFLOAT16)) if item.dtype == "V2" else item
