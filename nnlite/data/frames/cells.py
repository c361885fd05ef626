"""Arrays of one column, of any dtype, as columns of one of the four kinds."""

import datetime
import numbers
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np

from nnlite.arrays.tables import MISSING_TYPES
from nnlite.arrays.types import dtype_of, limits_of
from nnlite.config import floatx
from nnlite.data.frames.digits import warn_of_rounding
from nnlite.data.frames.frame import Column, text_of
from nnlite.errors import CellTypeError, DataError
from nnlite.errors.caller import warn_user

# Squares whose sum is below are those of numbers that floatx() holds.
SAFE: dict[str, float] = {"float32": 1e76, "float64": np.inf, "float16": 4e9, "bfloat16": 1e76}
CAN_BE_MISSING = (float, np.floating, Decimal, np.datetime64, np.timedelta64)
DATES = (datetime.date, np.datetime64)  # a datetime is a date
MAY_BE_ZONED = (datetime.datetime, datetime.time)
DURATIONS = (datetime.timedelta, np.timedelta64)
EPOCH = datetime.date(1970, 1, 1)
NESTED = (list, tuple, dict, set, frozenset, np.ndarray)
DAY = np.timedelta64(1, "D")


def as_floats(values: np.ndarray) -> np.ndarray:
    """Numbers as float64; float32 is kept, float16 becomes float32."""
    if values.dtype == np.float64 or values.dtype == np.float32:
        return values
    return values.astype(np.float32 if values.dtype == np.float16 else np.float64)


def is_complete(matrix: np.ndarray, name_of: Callable[[int], str]) -> bool:
    """Whether numbers of shape (rows, columns) have no missing values.

    Raises:
        DataError: an infinity, or a number too large for `floatx()`; it names column and row.
    """
    in_memory = matrix.T if matrix.flags.f_contiguous else matrix  # the other way round it would be copied
    if float(np.vdot(in_memory, in_memory)) < SAFE[floatx()]:  # one pass settles the usual case; NaN is not below
        return True
    infinite = np.isinf(matrix)
    if infinite.any():
        row, column = np.argwhere(infinite)[0].tolist()
        sign = "-" if matrix[row, column] < 0 else ""
        raise DataError(
            f"column {name_of(column)!r}, row {row}: {sign}infinity is not a number; give NaN or None if it is missing"
        )
    large = np.abs(matrix) > float(limits_of(dtype_of(floatx())).max)
    if large.any():
        row, column = np.argwhere(large)[0].tolist()
        raise DataError(
            f"column {name_of(column)!r}, row {row}: {float(matrix[row, column])!r} is too large for {floatx()}; "
            "divide the column, or call nnlite.config.set_floatx('float64')"
        )
    return not np.isnan(matrix).any()


def column_of(name: str, values: np.ndarray, zoned: bool = False) -> Column:
    """The column for an array of shape (rows,).

    Args:
        name: what it is called.
        values: the cells; dates in universal time.
        zoned: whether dates had a time zone.

    Raises:
        DataError: infinity, or numbers too large.
        CellTypeError: complex numbers, bytes, nested values.
    """
    kind = values.dtype.kind
    if kind in "iuf":
        floats = as_floats(values)
        warn_of_rounding(name, values, floats)
        return _numbers(name, floats)
    if kind == "b":
        return Column(name, "boolean", values.astype(np.float64))
    if kind == "M":
        dates = values if np.datetime_data(values.dtype)[0] != "generic" else values.astype("M8[s]")
        return Column(name, "date", dates, zoned=zoned)
    if kind == "m":
        days, present = values / DAY, ~np.isnat(values)
        warn_of_rounding(name, values[present].view(np.int64), days[present])
        return _numbers(name, days)
    if kind not in "OUT":
        _refuse(name, 0, values[0])
    return column_of_cells(name, values.astype(object).tolist())


def column_of_cells(name: str, cells: Sequence[Any], category: bool = False) -> Column:
    """The column for Python values, including missing ones; with `category`, numbers are categories too."""
    missing = _missing(cells)
    present = [cell for cell, gap in zip(cells, missing, strict=True) if not gap] if missing.any() else list(cells)
    types = set(map(type, present))
    _check_types(name, cells, types)
    if not category and _all(types, (bool, np.bool_)) and types:
        return Column(name, "boolean", _spread(missing, [float(cell) for cell in present]))
    if not category and _all(types, (numbers.Real, Decimal, np.bool_)):
        floats = np.array([float(cell) for cell in present], np.float32 if types == {np.float32} else np.float64)
        warn_of_rounding(name, present, floats)
        return _numbers(name, _spread(missing, floats))
    if not category and _all(types, DURATIONS):
        return _numbers(name, _spread(missing, np.array(present, "timedelta64[us]") / DAY))
    if not category and (_all(types, DATES) or types == {datetime.time}):
        dates = np.full(len(missing), "NaT", "datetime64[us]")
        dates[~missing] = [np.datetime64(_universal(cell), "us") for cell in present]
        zones = {isinstance(cell, MAY_BE_ZONED) and cell.tzinfo is not None for cell in present}
        return Column(name, "date", dates, zoned=single_zone(name, zones))
    texts = np.full(len(missing), None, object)
    texts[~missing] = present if types == {str} else [text_of(cell) for cell in present]
    return Column(name, "category", texts, declared=category)


def _numbers(name: str, values: np.ndarray) -> Column:
    is_complete(values[:, None], lambda _: name)
    return Column(name, "number", values)


def _missing(cells: Sequence[Any]) -> np.ndarray:
    types = set(map(type, cells))
    if not any(cls.__name__ in MISSING_TYPES or issubclass(cls, CAN_BE_MISSING) for cls in types):
        return np.zeros(len(cells), bool)
    return np.fromiter(map(is_gap, cells), bool, len(cells))


def is_gap(cell: Any) -> bool:
    """Whether a cell is None, NaN, NaT or NA."""
    if isinstance(cell, Decimal):  # comparing a signaling NaN is an error
        return cell.is_nan()
    return type(cell).__name__ in MISSING_TYPES or (isinstance(cell, CAN_BE_MISSING) and bool(cell != cell))


def _all(types: set[type], wanted: tuple[type, ...]) -> bool:
    return all(issubclass(cls, wanted) for cls in types)


def _spread(missing: np.ndarray, present: Any) -> np.ndarray:
    """`present` in the rows that are not missing, NaN in the others."""
    present = np.asarray(present, np.float32 if np.asarray(present).dtype == np.float32 else np.float64)
    values = np.full(len(missing), np.nan, present.dtype)
    values[~missing] = present
    return values


def single_zone(name: str, zones: set[bool]) -> bool | None:
    """Whether dates have a time zone, where `zones` holds the answers for all; None for no dates.

    If some have one and some have none, there is a warning, and they count as dates with one.
    """
    if len(zones) == 2:
        warn_user(
            f"column {name!r} holds dates with a time zone and dates without one, which are taken for universal time: "
            "give all of them their zone"
        )
    return max(zones, default=None)


def _universal(cell: Any) -> Any:
    """A date in universal time, or a time of 1 January 1970, without its zone, of a type that NumPy reads."""
    if isinstance(cell, datetime.time):
        return datetime.datetime.combine(EPOCH, cell.replace(tzinfo=None))
    if isinstance(cell, datetime.datetime):
        cell = cell.astimezone(datetime.timezone.utc) if cell.tzinfo else cell
        return cell.replace(tzinfo=None)
    return cell


def _check_types(name: str, cells: Sequence[Any], types: set[type]) -> None:
    for cls in types:
        complex_number = issubclass(cls, numbers.Complex) and not issubclass(cls, numbers.Real)
        if complex_number or issubclass(cls, (bytes, bytearray, *NESTED)):
            row = next(row for row, cell in enumerate(cells) if type(cell) is cls)
            _refuse(name, row, cells[row])
        if cls.__str__ is object.__str__ and cls.__repr__ is object.__repr__ and cls is not type(None):
            raise CellTypeError(f"column {name!r} holds objects of {cls.__name__}, which have no text; give text")


def _refuse(name: str, row: int, cell: Any) -> NoReturn:
    location = f"column {name!r}, row {row}"
    if isinstance(cell, numbers.Complex):
        raise CellTypeError(
            f"Complex data not supported: {location} is {cell!r}; give real and imaginary part a column"
        )
    if isinstance(cell, (bytes, bytearray)):
        raise CellTypeError(f"{location}: {bytes(cell[:20])!r} is bytes; decode them into text first")
    raise CellTypeError(
        f"{location}: the argument must be a string or a number, got a {type(cell).__name__}; give each of its values "
        "a column of its own"
    )
