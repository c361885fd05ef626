"""Predictions for a file in chunks of rows: bounded memory, and the same numbers as for the whole file."""

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from nnlite.data import Table
from nnlite.errors import ConfigError, DataError, did_you_mean
from nnlite.trained.answers import columns_of
from nnlite.trained.explaining.attributions import explained
from nnlite.trained.model import TrainedModel
from nnlite.trained.unknown import OnUnknown, told_unknown

__all__ = ["predicted_chunks"]

ROWS = 4096  # a multiple of the rows that `predict` computes at once: batches are the same as without chunks


def predicted_chunks(
    trained: TrainedModel,
    path: str | PathLike,
    *,
    proba: bool = True,
    keep: Sequence[str] = (),
    explain: int = 0,
    level: float | None = None,
    on_unknown: OnUnknown = "warn",
    rows: int = ROWS,
) -> Iterator[dict[str, Any]]:
    """Named columns for the rows of a file, in chunks.

    Args:
        trained: what predicts.
        path: the file; `"-"` for the standard input.
        proba: whether the probability of each class is among the columns.
        keep: columns of the file that are copied to the front. A prediction whose name is among them is called
            `predicted_<name>`. Of images in a folder, `file` comes first by itself.
        explain: how many columns that contributed most are named, in `explanation_1`, `explanation_2`, ...
        level: adds `<name>_low` and `<name>_high`, the ends of an interval of this level, to each amount.
        on_unknown: as for `TrainedModel.predict`; the warning comes once, after the last chunk.
        rows: of a chunk.

    Raises:
        ConfigError: columns of one name; what the model cannot give.
        DataError: rows that cannot be read; they may come after chunks that could.
    """
    half = None if level is None else trained.half_widths(level)
    location, start = fspath(path), 0
    names = trained._reader.row_names(location)
    with told_unknown(on_unknown) as unknown:
        for inputs, table in trained._reader.chunks(location, rows):
            x = trained._encoded_counting(inputs, unknown, location)
            if unknown and on_unknown == "error":
                return
            outputs = trained._answering(trained.model.predict(x, verbose=0))
            columns = columns_of(trained.target, outputs, proba)
            if half is not None:
                columns |= _intervals(trained.target_names, columns, half)
            if explain:
                columns |= _explanations(trained, x, table if table is not None else inputs, explain)
            end = start + len(outputs)
            files = {} if names is None else {"file": names[start:end]}
            start = end
            yield _with_kept(columns, files | _kept(table, keep, location))


def _intervals(names: list[str], columns: dict[str, Any], half: np.ndarray) -> dict[str, np.ndarray]:
    ends = {}
    for name, width in zip(names, half, strict=True):
        values = np.asarray(columns[name], np.float64)
        ends |= {f"{name}_low": values - width, f"{name}_high": values + width}
    return ends


def _explanations(trained: TrainedModel, x: np.ndarray, inputs: Any, count: int) -> dict[str, list[str]]:
    texts = [
        [f"{name}={explanation.cells.get(name, '')} {value:+.4g}" for name, value in explanation.top(count).items()]
        for explanation in explained(trained, x, inputs)
    ]
    places = range(min(count, max(map(len, texts))))
    return {f"explanation_{index + 1}": [row[index] if index < len(row) else "" for row in texts] for index in places}


def _kept(table: Table | None, keep: Sequence[str], path: str) -> dict[str, list[str]]:
    if keep and table is None:
        raise ConfigError(f"{path}: columns are kept of a table; this file has no names of columns")
    for name in keep:
        if table is not None and name not in table.columns:
            raise DataError(f"{path}: no column {name!r} to keep; {did_you_mean(name, table.columns)}")
    return {} if table is None else {name: table.columns[name] for name in keep}


def _with_kept(columns: dict[str, Any], copied: dict[str, list[str]]) -> dict[str, Any]:
    named = {f"predicted_{name}" if name in copied else name: column for name, column in columns.items()}
    if both := named.keys() & copied.keys():
        raise ConfigError(f"the column {min(both)!r} is kept, and a prediction has the same name")
    return {**copied, **named}
