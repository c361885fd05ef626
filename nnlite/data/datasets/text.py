"""Batches of strings from the text files of a directory."""

import io
from typing import Any, Literal

import numpy as np

from nnlite.data.datasets.folders import from_directory
from nnlite.data.safety.files import read_bytes
from nnlite.errors.boundary import reading
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.field_types import read_call

__all__ = ["text_dataset_from_directory"]


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Literal["int", "categorical", "binary"] | None = "int",
    class_names: list[str] | None = None,
    batch_size: Count | None = 32,
    max_length: Count | None = None,
    shuffle: bool = True,
    seed: Index | None = None,
    validation_split: BelowOne | None = None,
    subset: Literal["training", "validation", "both"] | None = None,
    follow_links: bool = False,
    format: Literal["tf", "grain"] = "tf",
    verbose: bool = True,
) -> Any:
    """Batches `(texts, labels)` of the files `*.txt` below a directory, one subdirectory per class.

    Shape: texts `(batch,)`, strings; labels int32 `(batch,)`, or float32 `(batch, classes)` for `categorical` and
    `(batch, 1)` for `binary`.

    Args:
        directory: where the files are; in UTF-8.
        labels: `inferred` from the subdirectories, None, or one integer per file in the order of their paths.
        label_mode: how labels are written; None for texts alone.
        class_names: the subdirectories to read, in the order of their numbers; all in alphabetical order when None.
        batch_size: texts per batch; None for single texts.
        max_length: letters of a text that are kept (bytes in Keras); all when None.
        shuffle: another order for each walk; else alphabetical order.
        seed: decides the order, and which files are set apart.
        validation_split: part of the files that is set apart, in [0, 1).
        subset: which part is wanted; `both` gives two.
        follow_links: whether to enter linked subdirectories.
        format: Keras's; accepted: batches are arrays.
        verbose: say how many files were found.

    Returns:
        `LazyBatches`, for `fit(dataset, epochs=...)`; two of them for `both`.

    Raises:
        ConfigError: arguments that do not fit together.
        DataError: no directory, no files, not one label per file, or a file that is not UTF-8.
    """
    arguments = dict(locals())
    arguments |= read_call(text_dataset_from_directory, arguments)
    return from_directory(arguments, (".txt",), lambda path: _text(path, max_length))


def _text(path, max_length) -> np.ndarray:
    with reading(path, "no text in UTF-8"):
        text = io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding="utf-8").read()  # ends of lines are "\n"
        return np.array(text[:max_length], dtype=object)
