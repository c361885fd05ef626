"""Files below a directory, one subdirectory per class: listed, numbered, split into parts."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.data.datasets.lazy import LazyBatches, shuffle_seed_of
from nnlite.errors import ConfigError, DataError
from nnlite.errors.boundary import MissingDataError
from nnlite.random import stream


class Files:
    """The files of a directory and the class of each; names that begin with a dot do not count.

    Args:
        directory: where to look.
        suffixes: endings of the files that count, in lowercase.
        labels: `"inferred"` from the subdirectories, None, or one integer per file in the order of their paths.
        label_mode: `"int"`, `"categorical"`, `"binary"`, or None for no labels.
        class_names: the subdirectories to read, in the order of their numbers; all in alphabetical order when None.
        follow_links: whether to enter linked subdirectories.

    Attributes: `paths`, and with labels `targets`, one row per file as `label_mode` says, and `class_names`.

    Raises:
        ConfigError: arguments that do not fit together.
        DataError: no directory, no files, or not one label per file.
    """

    def __init__(
        self,
        directory: str | PathLike,
        suffixes: tuple[str, ...],
        labels: Any,
        label_mode: str | None,
        class_names: list[str] | None,
        follow_links: bool,
    ) -> None:
        if class_names and not (isinstance(labels, str) and labels == "inferred"):
            raise ConfigError("class_names belong to labels='inferred'")
        self.top, self.suffixes, self.follow_links = Path(directory), suffixes, follow_links
        if not self.top.is_dir():
            raise MissingDataError(f"no directory {str(self.top)!r}")
        self.class_names: list[str] | None = None
        self.targets: Any = None
        if labels is None or label_mode is None:
            self.paths = self._below(self.top)
        elif isinstance(labels, str):
            numbers = self._inferred(labels, class_names)
        else:
            self.paths, numbers = self._below(self.top), self._given(labels)
        if not self.paths:
            raise DataError(f"no files in {str(self.top)!r} that end in {', '.join(suffixes)}")
        if labels is not None and label_mode is not None:
            if len(numbers) != len(self.paths):
                raise DataError(f"{str(self.top)!r} holds {len(self.paths)} files, got {len(numbers)} labels")
            self.targets = self._encoded(numbers, label_mode)

    def __str__(self) -> str:
        return f"{len(self.paths)} files" + (
            f" belonging to {len(self.class_names)} classes" if self.class_names else ""
        )

    def _inferred(self, labels, class_names):
        if labels != "inferred":
            raise ConfigError(f"labels must be 'inferred', None or a list of numbers, got {labels!r}")
        present = sorted(path.name for path in self.top.iterdir() if path.is_dir() and not path.name.startswith("."))
        if not present:
            raise DataError(f"no folders in {str(self.top)!r}; put the files of each class into a folder of its name")
        self.class_names = list(class_names or present)
        if len(set(self.class_names)) < len(self.class_names):
            raise ConfigError(f"class_names has a name twice: {', '.join(self.class_names)}")
        missing = [name for name in self.class_names if name not in present]
        if missing:
            raise DataError(f"{str(self.top)!r} has no subdirectory {missing[0]!r}, only {', '.join(present)}")
        by_class = [self._below(self.top / name) for name in self.class_names]
        self.paths = [path for files in by_class for path in files]
        return np.repeat(np.arange(len(by_class)), [len(files) for files in by_class])

    @staticmethod
    def _given(labels):
        numbers = np.asarray(labels)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or (numbers < 0).any():
            raise DataError("labels must be one integer >= 0 per file")
        return numbers

    def _below(self, folder) -> list[str]:
        files = []
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):  # macOS puts a `._1.jpg` of attributes beside 1.jpg on foreign disks
                continue
            if path.is_dir():
                files += self._below(path) if self.follow_links or not path.is_symlink() else []
            elif path.suffix.lower() in self.suffixes:
                files.append(str(path))
        return files

    def _encoded(self, numbers, mode):
        classes = len(self.class_names) if self.class_names else int(numbers.max()) + 1
        if mode == "categorical":
            return np.eye(classes, dtype=np.float32)[numbers]
        if mode == "binary":
            if classes != 2:
                raise DataError(f"label_mode='binary' needs 2 classes, {str(self.top)!r} has {classes}")
            return numbers.astype(np.float32)[:, None]
        return numbers.astype(np.int32)


def parts(count: int, seed: int | None, validation_split: float | None, subset: str | None) -> dict[str, np.ndarray]:
    """The rows of each requested part, by its name.

    Args:
        count: number of rows.
        seed: draws their order; the given one when None.
        validation_split: the share that is set apart, the last of the order.
        subset: `"training"`, `"validation"` or `"both"`.
    """
    if bool(validation_split) != bool(subset):
        raise ConfigError("validation_split and subset belong together")
    order = np.arange(count) if seed is None else stream(seed, "files").permutation(count)
    held = int((validation_split or 0) * count)
    by_subset = {"training": order[: count - held], "validation": order[count - held :]}
    wanted = by_subset if subset == "both" else {subset or "training": by_subset[subset or "training"]}
    for name, rows in wanted.items():
        if not len(rows):
            raise DataError(f"validation_split={validation_split} of {count} files leaves none for {name}")
    return wanted


def from_directory(arguments: dict, suffixes: tuple[str, ...], read: Callable, join: Callable = np.stack) -> Any:
    """`LazyBatches` of the files below a directory; two of them if `subset` is `"both"`.

    Args:
        arguments: the arguments of `text_dataset_from_directory`, or of a similar function.
        suffixes: endings of the files that count, in lowercase.
        read: makes an array of one file.
        join: makes one array of a list of them.
    """
    shuffle, seed, split, subset = (arguments[name] for name in ("shuffle", "seed", "validation_split", "subset"))
    if split and subset and shuffle and seed is None:
        raise ConfigError("validation_split with shuffle needs a seed, else the two parts would overlap")
    options = [arguments[name] for name in ("labels", "label_mode", "class_names", "follow_links")]
    files = Files(arguments["directory"], suffixes, *options)
    if arguments["verbose"]:
        print(f"Found {files}.")
    shuffle_seed = shuffle_seed_of(shuffle, seed)

    def dataset(part, rows):
        paths = [files.paths[row] for row in rows]
        targets = None if files.targets is None else files.targets[rows]

        def take(chosen):
            x = join([read(paths[row]) for row in chosen])
            return x if targets is None else (x, targets[chosen])

        order_seed = shuffle_seed if part == "training" else None
        return LazyBatches(take, len(rows), arguments["batch_size"], order_seed, files.class_names, paths)

    made = [dataset(*part) for part in parts(len(files.paths), shuffle_seed, split, subset).items()]
    return made if len(made) > 1 else made[0]
