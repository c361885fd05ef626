"""Errors of a network, its files and its evidence; each names file, line and variable."""

from nnlite.errors import DataError
from nnlite.jacobians.maps.base import readable_bytes

__all__ = ["NetworkError", "WidthError"]


class NetworkError(DataError):
    """A Bayesian network, or a file or row for one, that cannot be used.

    Attributes:
        file, line, variable: where it is, None if that is not known; `str(error)` begins with them.
        row: which of the rows that were asked about, from 0; None if it is not a row.
        path: the keys of the argument of `BayesianNetwork` that is wrong, such as `("parents", "flu")`; else empty.
    """

    def __init__(
        self,
        message: str,
        file: str | None = None,
        line: int | None = None,
        variable: str | None = None,
        row: int | None = None,
        path: tuple[str, ...] = (),
    ) -> None:
        self.message, self.file, self.line, self.variable, self.row = message, file, line, variable, row
        self.path = path
        location = ", ".join(
            part
            for part in (
                file and str(file),
                line is not None and f"line {line}",
                variable is not None and f"variable {variable!r}",
            )
            if part
        )
        super().__init__(f"{location}: {message}" if location else message)


class WidthError(DataError):
    """A circuit that would exceed the allowed size.

    Attributes:
        width: variables of the largest table, less one: the width of the elimination order.
        entries: numbers in the largest table.
        nbytes: bytes of that table, for one row of float64.
        limit: what `entries` may be.
        variable: the one whose elimination makes that table.
    """

    def __init__(self, width: int, entries: int, limit: int, variable: str) -> None:
        self.width, self.entries, self.nbytes, self.limit, self.variable = width, entries, 8 * entries, limit, variable
        super().__init__(
            f"eliminating {variable!r} makes a table of {entries:,} entries ({readable_bytes(self.nbytes)} a row) over "
            f"{width + 1} variables, width {width}; the limit is {limit:,} entries: raise max_entries, try more "
            "restarts, or use approximate inference"
        )
