"""Weights that are divided over several `.weights.h5` files, which a `.weights.json` file lists."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, ModelFileError
from nnlite.errors.boundary import reading
from nnlite.foreign import hdf5
from nnlite.saving import write_atomically

__all__ = ["is_list_of_shards", "list_beside", "opened_shards", "write_shards"]

ENDING = ".weights.json"
GIB = 1 << 30


def is_list_of_shards(path: str | os.PathLike) -> bool:
    """Whether the name says that a file lists shards."""
    return os.fspath(path).endswith(ENDING)


def list_beside(path: str | os.PathLike) -> str:
    """The path of the list of shards for that of a single file, in `.weights.h5`; another path as it is."""
    return re.sub(r"\.weights\.h5$", ENDING, os.fspath(path))


def write_shards(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], groups: Mapping[str, str], max_shard_size: float | None
) -> None:
    """Write the shards, and the list of them.

    Args:
        path: of the list; it ends in `.weights.json`.
        arrays: by path.
        groups: path -> name of its layer, see `hdf5.encode`.
        max_shard_size: in GiB; None is refused.

    Raises:
        ConfigError: another ending, no size or one that is not positive, or an array that does not fit in a shard.
    """
    path = Path(path)
    if not is_list_of_shards(path):
        raise ConfigError(f"{path}: the list of shards ends in {ENDING}", ("max_shard_size",))
    if max_shard_size is None or not max_shard_size > 0:
        raise ConfigError(f"must be positive, in GiB, got {max_shard_size!r}", ("max_shard_size",))
    parts = _divided(arrays, max_shard_size * GIB)
    path.unlink(missing_ok=True)  # so that what is written in part is not read together with what was there
    holders: dict[str, list[str]] = {}
    filled = set(map(_group, arrays))
    for number, part in enumerate(parts):
        shard = f"{path.name[: -len(ENDING)]}_{number:05d}.weights.h5"
        inside = dict.fromkeys(map(_group, part))
        labels = {
            group: label
            for group, label in groups.items()
            if group in inside or (number == 0 and group not in filled)  # the first has the layers without arrays
        }
        write_atomically(path.parent / shard, hdf5.encode(part, labels))
        for group in inside:
            holders.setdefault(f"/{group}", []).append(shard)
    total = float(sum(array.nbytes for array in arrays.values()))
    write_atomically(path, json.dumps({"metadata": {"total_size": total}, "weight_map": holders}, indent=4).encode())


def _group(path_inside: str) -> str:
    return path_inside.rpartition("/")[0]


def _divided(arrays: Mapping[str, np.ndarray], most: float) -> list[dict[str, np.ndarray]]:
    """Arrays in their order, divided into parts of at most `most` bytes."""
    parts: list[dict[str, np.ndarray]] = [{}]
    size = 0
    for path_inside, array in arrays.items():
        if array.nbytes > most:
            raise ConfigError(f"{path_inside} has {array.nbytes} bytes, a shard {most:.0f}", ("max_shard_size",))
        if size + array.nbytes > most:
            parts.append({})
            size = 0
        parts[-1][path_inside] = array
        size += array.nbytes
    return parts


@contextlib.contextmanager
def opened_shards(path: str | os.PathLike) -> Iterator[dict[str, Any]]:
    """The arrays of all shards by path, which are read inside the context.

    Raises:
        ModelFileError: a list that is no such list, or a shard that is missing, damaged or outside the list's folder.
    """
    with reading(path, "cannot be read as a list of shards", kind=ModelFileError):
        holders = json.loads(Path(path).read_text(encoding="utf-8"))["weight_map"].values()
        lists = [[shards] if isinstance(shards, str) else shards for shards in holders]  # Keras: of one variable
        names = dict.fromkeys(os.fspath(name) for shards in lists for name in shards)
    with contextlib.ExitStack() as files:
        datasets: dict[str, Any] = {}
        for name in names:
            if os.path.basename(name) != name:
                raise ModelFileError(f"{path}: the shard {name!r} lies outside the folder of the list")
            shard = Path(path).parent / name
            datasets |= files.enter_context(hdf5.opened(shard, shard))
        yield datasets
