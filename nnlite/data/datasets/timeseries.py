"""Batches made from a series or from files when they are asked for."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from nnlite.data.datasets.folders import Files, parts
from nnlite.errors import ConfigError, DataError
from nnlite.random import fresh_seed, stream
from nnlite.registry.field_types import BelowOne, Count, Index, read_call

__all__ = ["LazyBatches", "text_dataset_from_directory", "timeseries_dataset_from_array"]


class LazyBatches:
    """Batches that are made when they are asked for; walked again, it begins anew.

    `fit`, `evaluate`, `predict` and loops take it; `len` is the number of batches.

    Args:
        take: makes `x` or `(x, y)` from an array of row numbers.
        count: number of rows.
        batch_size: rows per batch, the last one may have fewer; None for one row at a time, without a batch axis.
        shuffle_seed: draws the order, another one for each walk; the given order when None.
        class_names: what the labels mean; None when nobody knows.
        file_paths: of the rows, where they come from files.
    """

    def __init__(
        self,
        take: Callable,
        count: int,
        batch_size: int | None,
        shuffle_seed: int | None = None,
        class_names: list[str] | None = None,
        file_paths: list[str] | None = None,
    ):
        self.take = take
        self.count = count
        self.batch_size = batch_size
        self.shuffle_seed = shuffle_seed
        self.class_names = class_names
        self.file_paths = file_paths
        self._walks = 0

    def __len__(self) -> int:
        return math.ceil(self.count / (self.batch_size or 1))

    def __iter__(self):
        order = np.arange(self.count)
        if self.shuffle_seed is not None:
            order = stream(self.shuffle_seed, "shuffle", step=self._walks).permutation(self.count)
            self._walks += 1
        size = self.batch_size or 1
        for start in range(0, self.count, size):
            batch = self.take(order[start : start + size])
            if self.batch_size is None:
                batch = tuple(part[0] for part in batch) if isinstance(batch, tuple) else batch[0]
            yield batch


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length: Count,
    sequence_stride: Count = 1,
    sampling_rate: Count = 1,
    batch_size: Count | None = 128,
    shuffle: bool = False,
    seed: Index | None = None,
    start_index: Index | None = None,
    end_index: Count | None = None,
) -> LazyBatches:
    """Windows sliding over a series, as batches `(x, y)`: window i is `data[i], data[i + sampling_rate], ...`.

    Shape: x `(batch, sequence_length, ...)`, y `(batch, ...)`, where `...` are the further axes of data and targets.

    Args:
        data: the series; its first axis is the time.
        targets: `targets[i]` belongs to the window that begins at `data[i]`; None for batches of x alone.
        sequence_length: steps in a window.
        sequence_stride: steps from the beginning of one window to the next one's.
        sampling_rate: steps from one entry of a window to the next.
        batch_size: windows per batch; None for single windows.
        shuffle: another order of the windows for each walk.
        seed: decides the order; drawn when None.
        start_index: data before it is not used.
        end_index: data from it on is not used.

    Raises:
        DataError: no window fits into the data.

    >>> import numpy as np
    >>> series = np.arange(7)
    >>> for x, y in timeseries_dataset_from_array(series[:-3], series[3:], sequence_length=3):
    ...     print(x.tolist(), y.tolist())
    [[0, 1, 2], [1, 2, 3]] [3, 4]
    """
    given = read_call(timeseries_dataset_from_array, locals())
    span, reach = slice(start_index, end_index), (sequence_length - 1) * sampling_rate
    series = np.asarray(data)[span]
    windows = len(series) - reach
    goals = None if targets is None else np.asarray(targets)[span]
    if goals is not None:
        windows = min(windows, len(goals))
    if windows < 1:
        raise DataError(
            f"a window spans {reach + 1} steps (sequence_length={sequence_length}, sampling_rate={sampling_rate}), the "
            f"data has {len(series)} of them" + (f" and {len(goals)} targets" if goals is not None else "")
        )
    starts = np.arange(0, windows, sequence_stride)
    steps = np.arange(0, reach + 1, sampling_rate)

    def take(rows):
        x = series[starts[rows][:, None] + steps]
        return x if goals is None else (x, goals[starts[rows]])

    return LazyBatches(take, len(starts), given["batch_size"], _shuffle_seed(shuffle, seed))


def text_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode: Literal["int", "categorical", "binary"] | None = "int",
    class_names: list[str] | None = None,
    batch_size: Count | None = 32,
    max_length: Count | None = None,
    shuffle: bool = True,
    seed: Index | None = None,
    validation_split: BelowOne | None = None,
    subset: Literal["training", "validation", "both"] | None = None,
    follow_links: bool = False,
    verbose: bool = True,
):
    """Batches `(texts, labels)` of the files `*.txt` below a directory, one subdirectory per class.

    Shape: texts `(batch,)`, strings; labels int32 `(batch,)`, or float32 `(batch, classes)` for `categorical` and
    `(batch, 1)` for `binary`.

    Args:
        directory: where the files are; in UTF-8.
        labels: `inferred` from the subdirectories, None, or one whole number per file in the order of their paths.
        label_mode: how labels are written; None for texts alone.
        class_names: the subdirectories to read, in the order of their numbers; all in alphabetical order when None.
        batch_size: texts per batch; None for single texts.
        max_length: letters of a text that are kept (bytes in Keras); all when None.
        shuffle: another order for each walk; else alphabetical order.
        seed: decides the order, and which files are set apart.
        validation_split: part of the files that is set apart, in [0, 1).
        subset: which part is wanted; `both` gives two.
        follow_links: whether to enter linked subdirectories.
        verbose: say how many files were found.

    Returns:
        `LazyBatches`, for `fit(dataset, epochs=...)`; two of them for `both`.

    Raises:
        ConfigError: arguments that do not fit together.
        DataError: no directory, no files, not one label per file, or a file that is not UTF-8.
    """
    given = dict(locals())
    given |= read_call(text_dataset_from_directory, given)
    return from_directory(given, (".txt",), lambda path: _text(path, max_length))


def from_directory(given: dict, suffixes: tuple[str, ...], read: Callable):
    """`LazyBatches` of the files below a directory; a list of two of them where `subset` is `"both"`.

    Args:
        given: the arguments of `text_dataset_from_directory`, or of another one like it.
        suffixes: endings of the files that count, in small letters.
        read: makes an array of one file.
    """
    shuffle, seed, split, subset = (given[name] for name in ("shuffle", "seed", "validation_split", "subset"))
    if split and subset and shuffle and seed is None:
        raise ConfigError("validation_split with shuffle needs a seed, else the two parts would overlap")
    options = [given[name] for name in ("labels", "label_mode", "class_names", "follow_links")]
    files = Files(given["directory"], suffixes, *options)
    if given["verbose"]:
        print(f"Found {files}.")
    shuffle_seed = _shuffle_seed(shuffle, seed)

    def dataset(part, rows):
        paths = [files.paths[row] for row in rows]
        targets = None if files.targets is None else files.targets[rows]

        def take(chosen):
            x = np.stack([read(paths[row]) for row in chosen])
            return x if targets is None else (x, targets[chosen])

        order_seed = shuffle_seed if part == "training" else None
        return LazyBatches(take, len(rows), given["batch_size"], order_seed, files.class_names, paths)

    made = [dataset(*part) for part in parts(len(files.paths), shuffle_seed, split, subset).items()]
    return made if len(made) > 1 else made[0]


def _shuffle_seed(shuffle, seed):
    if not shuffle:
        return None
    return fresh_seed() if seed is None else seed


def _text(path, max_length) -> np.ndarray:
    try:
        return np.array(Path(path).read_text(encoding="utf-8")[:max_length], dtype=object)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no text in UTF-8 ({error})") from None
