"""Runtime of an exported Python file, which reads rows and writes answers; its functions are copied verbatim.

They are written for the file: `COLUMNS`, `FORMS`, `LABELS`, `SHAPES`, `TYPES`, `DECIMAL`, `DELIMITER`,
`ENCODING` and `outputs_of` are names of the file's own.
"""

# ruff: noqa: F821
# pyright: reportUndefinedVariable=false

import csv
import datetime
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "arrays_of",
    "as_days",
    "as_number",
    "as_text",
    "column_of",
    "main",
    "predict_arrays",
    "predict_columns",
    "read_csv",
]

MISSING = ("", "na", "n/a", "nan", "null", "none")


def as_number(cell: Any, name: str) -> float:
    """The number in a cell; NaN if missing."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return math.nan
    if isinstance(cell, str) and DECIMAL != ".":
        cell = cell.replace(".", "").replace(DECIMAL, ".")
    try:
        return float(cell)
    except (TypeError, ValueError):
        words = {"true": 1.0, "yes": 1.0, "y": 1.0, "t": 1.0, "false": 0.0, "no": 0.0, "n": 0.0, "f": 0.0}
        number = words.get(str(cell).strip().lower())
        if number is None or COLUMNS[name] != "boolean":
            raise ValueError(f"column {name!r}: {cell!r} is no {COLUMNS[name]}") from None
        return number


def as_days(cell: Any, name: str) -> float:
    """Days since 1 January 1970 of a date; NaN if missing."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return math.nan
    if isinstance(cell, str):
        form = FORMS.get(name, "iso")
        try:
            iso = form == "iso"
            cell = datetime.datetime.fromisoformat(cell.strip()) if iso else datetime.datetime.strptime(cell, form)
        except ValueError:
            raise ValueError(f"column {name!r}: {cell!r} is not a date") from None
    return (np.datetime64(cell, "us") - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D")


def as_text(cell: Any) -> str:
    """The category in a cell; "" if missing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def column_of(name: str, cells: Sequence[Any]) -> np.ndarray:
    """The cells of a column as an array of shape (rows, 1)."""
    kind = COLUMNS[name]
    if kind in ("category", "text"):
        return np.array([as_text(cell) for cell in cells], object)[:, None]
    read = as_days if kind == "date" else as_number
    return np.array([read(cell, name) for cell in cells], np.float64)[:, None]


def predict_columns(rows: Any) -> dict[str, np.ndarray]:
    """Answers for raw rows: a list of dicts, one dict, or a dict of columns; a dict of arrays."""
    if isinstance(rows, dict):
        several = any(isinstance(cells, (list, tuple, np.ndarray)) for cells in rows.values())
        table = rows if several else {name: [cell] for name, cell in rows.items()}
    else:
        table = {name: [row.get(name) for row in rows] for name in COLUMNS if any(name in row for row in rows)}
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"no column {', '.join(map(repr, missing))}; the model reads {', '.join(map(repr, COLUMNS))}")
    return outputs_of(*(column_of(name, table[name]) for name in COLUMNS))


def predict_arrays(*inputs: Any) -> dict[str, np.ndarray]:
    """Outputs for arrays, the rows first; a dict of arrays."""
    arrays = []
    for array, shape, kind in zip(inputs, SHAPES, TYPES, strict=True):
        array = np.asarray(array, object if kind == "string" else kind)
        fits = array.ndim == len(shape) + 1
        if not fits or any(n is not None and n != m for n, m in zip(shape, array.shape[1:], strict=True)):
            wanted = ", ".join(["rows", *map(str, shape)])
            raise ValueError(f"inputs must have shape ({wanted}), got {array.shape}")
        arrays.append(array)
    return outputs_of(*arrays)


def read_csv(path: str) -> dict[str, list[str]]:
    """The columns of a CSV file with a header; `-` reads standard input."""
    with sys.stdin if path == "-" else open(path, newline="", encoding=ENCODING) as file:
        header, *lines = list(csv.reader(file, delimiter=DELIMITER)) or [[]]
    lines = [line for line in lines if line]
    short = [number for number, line in enumerate(lines, 2) if len(line) != len(header)]
    if short:
        raise ValueError(f"{path}, line {short[0]}: {len(lines[short[0] - 2])} cells, the header has {len(header)}")
    return {name: [line[index] for line in lines] for index, name in enumerate(header)}


def arrays_of(table: dict[str, list[str]]) -> list[np.ndarray]:
    """The inputs of a model of arrays: the columns in order, as many as each input has numbers per row."""
    columns, sizes = list(table.values()), [math.prod(shape) for shape in SHAPES if None not in shape]
    if len(sizes) < len(SHAPES) or sum(sizes) != len(columns):
        raise ValueError(f"{len(columns)} columns; the model takes rows of the shapes {SHAPES}")
    arrays, first = [], 0
    for size, shape, kind in zip(sizes, SHAPES, TYPES, strict=True):
        rows = list(zip(*columns[first : first + size], strict=True))
        cells = rows if kind == "string" else [[float(cell) for cell in row] for row in rows]
        arrays.append(np.array(cells, object if kind == "string" else kind).reshape(len(rows), *shape))
        first += size
    return arrays


def main(arguments: list[str]) -> int:
    """Write the answers for the rows of a CSV file as CSV: `rows.csv` or `-`."""
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(f"usage: python {__file__} ROWS.csv   (- reads the standard input)", file=sys.stderr)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    try:
        table = read_csv(arguments[0])
        outputs = predict_arrays(*arrays_of(table)) if COLUMNS is None else predict_columns(table)
    except (OSError, ValueError) as error:
        print(f"{__file__}: error: {error}", file=sys.stderr)
        return 3
    writer = csv.writer(sys.stdout, lineterminator="\n")
    named = {}
    for name, values in outputs.items():
        flat = values.reshape(len(values), -1)
        for index in range(flat.shape[1]):
            of_classes = name == "probabilities" and LABELS is not None
            column = f"probability_{LABELS[index]}" if of_classes else name if flat.shape[1] == 1 else f"{name}_{index}"
            named[column] = flat[:, index].tolist()
    writer.writerow(named)
    writer.writerows(zip(*named.values(), strict=True))
    return 0
