"""Predictions as CSV."""

import csv
from collections.abc import Iterable
from typing import Any

__all__ = ["write_chunks", "write_table"]


def write_table(columns: dict[str, list], file: Any) -> None:
    """Write named columns as CSV, with every number in its shortest exact form."""
    write_chunks([columns], file)


def write_chunks(chunks: Iterable[dict[str, Any]], file: Any) -> None:
    """Write the columns of a table that come in chunks, as `write_table` does."""
    writer = csv.writer(file, lineterminator="\n")
    for number, columns in enumerate(chunks):
        if not number:
            writer.writerow(columns)
        writer.writerows([str(cell) for cell in row] for row in zip(*columns.values(), strict=True))
