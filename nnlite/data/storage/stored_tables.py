"""From a table that is too large for memory to encoded rows in files, in two passes."""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from nnlite.arrays.rows import LazyRows
from nnlite.arrays.stored import StoredRows
from nnlite.config import floatx
from nnlite.data.encoders.columns import OneHot, Ordinal
from nnlite.data.encoders.inputs import Columns, Preprocessing
from nnlite.data.encoders.targets import Classes, Quantities, TargetEncoder, TargetKind
from nnlite.data.files.notes import LOGGER
from nnlite.data.sources.base import Dataset, DataSource
from nnlite.data.splits import PARTS, Split
from nnlite.data.storage.arrays import open_rows
from nnlite.data.storage.scanning import Scan, row_parts
from nnlite.errors import ConfigError

__all__ = ["StoredTable"]

LOG = logging.getLogger(f"{LOGGER.name}.storage")
Fit = Callable[[Dataset, np.ndarray], Preprocessing]


@dataclass(frozen=True)
class StoredParts:
    """Parts of a table that was encoded into files.

    Args:
        parts: `(x, y)` of each part, x as `StoredRows` and y mapped.
        preprocessing: the fitted encoders.
        datasets: raw data of each part, without inputs; the target is read on access.
        source: with what was found from its file in place of `auto`.
    """

    parts: dict[str, tuple[Any, np.ndarray]]
    preprocessing: Preprocessing
    datasets: dict[str, Dataset]
    source: DataSource


class StoredTarget(LazyRows):
    """The raw target of rows whose encoded target is in a file: labels, or amounts.

    Args:
        encoder: of the target.
        encoded: what it made of the target.
        amounts: the target itself, of a regression, which is read when it is taken.
    """

    def __init__(self, encoder: TargetEncoder, encoded: np.ndarray, amounts: StoredRows | None) -> None:
        self.encoder, self.encoded, self.amounts = encoder, encoded, amounts
        first = self[:1]
        self.shape, self.dtype = (len(encoded), *first.shape[1:]), first.dtype

    def __getitem__(self, rows: Any) -> np.ndarray:
        if self.amounts is not None:
            return self.amounts[rows]
        encoded = np.array(self.encoded[rows])
        if not isinstance(self.encoder, Classes):
            return encoded
        codes = encoded.argmax(axis=-1) if self.encoder.kind == "categorical" else encoded.reshape(len(encoded))
        return np.array(self.encoder.labels)[codes.astype(np.intp)]


class StoredTable:
    """The encoded rows of a table, part by part, in `.npy` files; the table itself is never in memory as a whole.

    The first pass takes a sample of the training part, all labels, and all levels of its categories (up to 10,000 a
    column); encoders are fitted to these. The second pass encodes and writes. A row's part is drawn by its number.

    Args:
        source: where the table comes from; it has `chunks`.
        split: the shares of the parts.
        target_kind: what the loss compares.
        seed: decides parts and sample.
    """

    def __init__(self, source: DataSource, split: Split, target_kind: TargetKind, seed: int) -> None:
        self.source, self.split, self.seed = source, split, seed
        self.target_kind: TargetKind = target_kind

    def prepared(self, fit: Fit, fitted: Preprocessing | None = None) -> StoredParts:
        """The encoded rows.

        Args:
            fit: makes the encoders of a sample of the training part, and of all labels that occur.
            fitted: encoders from an earlier run; nothing is fitted then.
        """
        first = next(self._chunks())
        self.source = self.source.settled(first.inputs)
        self.names = first.target_names
        if self.source.cache is None:
            folder = tempfile.TemporaryDirectory(prefix="nnlite-")
            return self._read(Path(folder.name), self._write(Path(folder.name), fit, fitted), folder)
        stored_folder = self._kept_folder(Path(self.source.cache))
        if stored_folder.is_dir():
            preprocessing = Preprocessing.get(
                json.loads((stored_folder / "preprocessing.json").read_text(encoding="utf-8"))
            )
            if fitted is None or fitted.to_spec() == preprocessing.to_spec():
                return self._read(stored_folder, preprocessing)
            shutil.rmtree(stored_folder)
        stored_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=stored_folder.parent) as temporary:
            made = Path(temporary, "rows")
            made.mkdir()
            preprocessing = self._write(made, fit, fitted)
            try:
                made.rename(stored_folder)
            except OSError:
                if not stored_folder.is_dir():  # else another process has written the same rows in the meantime
                    raise
        return self._read(stored_folder, preprocessing)

    def _kept_folder(self, cache: Path) -> Path:
        """The cache folder for the current content of this file and these choices."""
        spec = {key: value for key, value in self.source.get_config().items() if key not in ("cache", "stream")}
        state = [[path, os.stat(path).st_size, os.stat(path).st_mtime_ns] for path in self.source.files]
        key = [spec, state, self.split.to_spec(), self.target_kind, self.seed, floatx()]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return cache / f"{Path(self.source.files[0]).stem}-{digest[:16]}"

    def _write(self, folder: Path, fit: Fit, fitted: Preprocessing | None) -> Preprocessing:
        """Encode all rows into files of `folder`; the encoders."""
        total = None if self.split.shuffle else sum(len(chunk.target) for chunk in self._chunks())
        preprocessing = self._fitted(fit, total) if fitted is None else fitted
        LOG.info("%s: encoded rows are written to %s", self.source.files[0], folder)
        with contextlib.ExitStack() as opened:
            names = [name for part in PARTS for name in _names(part)]
            files = {name: opened.enter_context(_Appended(folder / f"{name}.npy")) for name in names}
            self._append(files, preprocessing, total)
        text = json.dumps(preprocessing.to_spec(), allow_nan=False)
        (folder / "preprocessing.json").write_text(text, encoding="utf-8")
        return preprocessing

    def _append(self, files: "dict[str, _Appended]", preprocessing: Preprocessing, total: int | None) -> None:
        """The second pass: encoded rows go to the files of their parts."""
        start = 0
        for chunk in self._chunks():
            target = _as_read_at_once(chunk.target, preprocessing.target)
            arrays = [preprocessing.inputs.encode(chunk.inputs), preprocessing.target.encode(target)]
            if isinstance(preprocessing.target, Quantities):
                arrays.append(target)
            parts = row_parts(self.split, start, len(target), total, self.seed)
            start += len(target)
            for number, part in enumerate(PARTS):
                rows = np.flatnonzero(parts == number)
                for name, array in zip(_names(part), arrays, strict=False):
                    files[name].add(array[rows])

    def _fitted(self, fit: Fit, total: int | None) -> Preprocessing:
        """The encoders as the first pass suggests them."""
        LOG.info("%s: read in chunks to fit the encoders", self.source.files[0])
        scan = Scan(self.split, self.seed, self.target_kind, total).walk(self._chunks(), self._level_names)
        preprocessing = fit(scan.sample(), scan.labels())
        return replace(preprocessing, inputs=scan.with_all_levels(preprocessing.inputs))

    def _level_names(self, chunk: Dataset) -> list[str]:
        """The columns that are levels, as far as the first rows show."""
        inputs = self.source.fit_inputs(chunk.inputs, np.arange(len(chunk.target)), chunk.target)
        columns = inputs.columns if isinstance(inputs, Columns) else []
        return [column.name for column in columns if type(column) in (OneHot, Ordinal)]

    def _chunks(self) -> Iterator[Dataset]:
        try:
            yield from self.source.chunks(self.target_kind)
        except ConfigError as error:
            raise error.within("source") from None

    def _read(self, folder: Path, preprocessing: Preprocessing, keeper: object = None) -> StoredParts:
        parts, datasets, target = {}, {}, preprocessing.target
        for part in PARTS:
            inputs, encoded, amounts = (folder / f"{name}.npy" for name in _names(part))
            if inputs.exists():
                y = np.load(encoded, mmap_mode="r")
                parts[part] = (_kept_rows(inputs, keeper), y)
                raw = StoredTarget(target, y, _kept_rows(amounts, keeper) if amounts.exists() else None)
                datasets[part] = Dataset(cast(Any, None), cast(np.ndarray, raw), self.names)
        return StoredParts(parts, preprocessing, datasets, self.source)


class _Appended:
    """A context with a `.npy` file that grows by rows: there once there is a row, its header right after the context.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.file, self.rows = path, None, 0

    def add(self, array: np.ndarray) -> None:
        """Write more rows."""
        if not len(array):
            return
        if self.file is None:
            self.file, self.row = open(self.path, "wb"), array[:0]  # noqa: SIM115 - the context closes it
            self._head()
        self.rows += len(array)
        self.file.write(np.ascontiguousarray(array, self.row.dtype).data)

    def _head(self) -> None:
        """The header; NumPy leaves room in it for a first axis that grows."""
        shape, descr = (self.rows, *self.row.shape[1:]), np.lib.format.dtype_to_descr(self.row.dtype)
        header = {"shape": shape, "fortran_order": False, "descr": descr}
        np.lib.format.write_array_header_1_0(self.file, header)  # type: ignore[arg-type]

    def __enter__(self) -> "_Appended":
        return self

    def __exit__(self, *error: object) -> None:
        """Write the header again, now that the number of rows is known; close the file, also after an error."""
        if self.file is not None:
            self.file.seek(0)
            self._head()
            self.file.close()


def _kept_rows(path: Path, keeper: object) -> StoredRows:
    """The rows of a file of finite numbers, whose folder exists as long as they do."""
    rows = open_rows(path)
    return StoredRows(rows.path, rows.shape, rows.stored, rows.offset, finite=True, keeper=keeper)


def _names(part: str) -> tuple[str, str, str]:
    return f"{part}_inputs", f"{part}_target", f"{part}_amounts"


def _as_read_at_once(target: np.ndarray, encoder: TargetEncoder) -> np.ndarray:
    """The target of a chunk as that of the whole file is read: as strings where one of the labels is."""
    if isinstance(encoder, Quantities):
        return target.astype(np.float64).reshape(len(target), -1)
    texts = isinstance(encoder, Classes) and isinstance(encoder.labels[0], str)
    return target.astype(str) if texts and target.dtype.kind != "U" else target
