"""Evidence about rows: state numbers, states by name, missing values and probabilities, read into one form."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.arrays.tables import table_columns
from nnlite.circuits.networks.problems import NetworkError
from nnlite.errors import shown

if TYPE_CHECKING:
    from nnlite.circuits.networks.network import BayesianNetwork

__all__ = []


class Evidence(NamedTuple):
    """Evidence about several rows.

    Attributes:
        codes: state numbers `(variables, rows)`, -1 where a state is not known.
        soft: `{column: likelihoods (states, rows)}` of variables of which some row knows probabilities; they stand for
            that variable's codes too.
    """

    codes: np.ndarray
    soft: dict[int, np.ndarray]

    @property
    def count(self) -> int:
        """The number of rows."""
        return self.codes.shape[1]

    def part(self, rows: Any) -> "Evidence":
        """The evidence of a subset of the rows."""
        return Evidence(
            self.codes[:, rows], {column: likelihoods[:, rows] for column, likelihoods in self.soft.items()}
        )

    def likelihoods(self, column: int, card: int) -> np.ndarray:
        """lambda of a variable, `(states, rows)`: 1 for a state that is possible, 0 for others."""
        if column in self.soft:
            return self.soft[column]
        codes = self.codes[column]
        return ((codes == np.arange(card)[:, None]) | (codes < 0)).astype(np.float64)

    def log_likelihoods(self, cards: Sequence[int]) -> np.ndarray:
        """log lambda of all variables side by side, `(rows, sum of cards)`: what a `Circuit` takes."""
        with np.errstate(divide="ignore"):
            return np.log(np.concatenate([self.likelihoods(column, card) for column, card in enumerate(cards)])).T

    def known_everywhere(self) -> frozenset[int]:
        """The columns whose state is known in every row."""
        columns = np.flatnonzero((self.codes >= 0).all(axis=1)) if self.count else ()
        return frozenset(int(column) for column in columns if column not in self.soft)


def read_evidence(network: "BayesianNetwork", rows: Any) -> Evidence:
    """Rows as `Evidence`.

    Args:
        network: whose variables and states they are of.
        rows: an array of state numbers `(rows, variables)`; a DataFrame or a dict of columns, whose names are
            variables; a list of dicts `{variable: state}`, or one such dict. What a table or a dict leaves out is
            missing, as are None, NaN and -1. A cell is the name of a state, its number, or one probability (a
            likelihood) for each state.

    Raises:
        NetworkError: an unknown variable or state, an invalid state number, likelihoods that are negative,
            all zero or of another length; it names row and variable.
    """
    if isinstance(rows, Evidence):
        return rows
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "biuf":
        return Evidence(_codes(network, rows), {})
    columns = _columns(network, rows)
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise NetworkError(f"columns of one length are needed, got {sorted(lengths)}")
    count = lengths.pop() if lengths else 0
    evidence = Evidence(np.full((len(network.variables), count), -1), {})
    for name, cells in columns.items():
        _read_column(network, name, cells, evidence)
    return evidence


def _codes(network: "BayesianNetwork", rows: np.ndarray) -> np.ndarray:
    variables, observed = network.variables, network.observed
    rows = rows[None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] not in (len(variables), len(observed)):
        raise NetworkError(f"rows need one column for each of {len(observed)} variables, got the shape {rows.shape}")
    if rows.shape[1] < len(variables):
        whole = np.full((len(rows), len(variables)), -1, rows.dtype if rows.dtype.kind in "if" else np.int64)
        whole[:, [network.index(name) for name in observed]] = rows
        rows = whole
    codes = np.where(np.isnan(rows), -1, rows) if rows.dtype.kind == "f" else rows.astype(np.int64, copy=False)
    wrong = (codes < -1) | (codes >= np.asarray(network.cards)) | (codes != np.floor(codes))
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        raise NetworkError(
            f"row {row} holds {rows[row, column]}, which is not a state number from 0 to {network.cards[column] - 1}, "
            "nor -1 or NaN for a missing one",
            variable=variables[column],
            row=row,
        )
    return np.ascontiguousarray(codes.T, dtype=np.int64)


def _columns(network: "BayesianNetwork", rows: Any) -> dict[str, Any]:
    """Cells by variable, from user data."""
    if isinstance(rows, Mapping) and not all(_is_vector(cells) for cells in rows.values()):
        rows = [rows]
    columns = table_columns(rows)
    if columns is not None:
        return {
            name: cells.tolist() if isinstance(cells, np.ndarray) else list(cells) for name, cells in columns.items()
        }
    rows = list(rows)
    if rows and all(isinstance(row, Mapping) for row in rows):
        variables = list(dict.fromkeys(name for row in rows for name in row)) or network.variables[:1]
        return {str(name): [row.get(name) for row in rows] for name in variables}
    names = network.observed
    width = len(names)
    rows = rows if not rows or _is_vector(rows[0]) else [rows]
    for number, row in enumerate(rows):
        if not _is_vector(row) or len(row) != width:
            raise NetworkError(f"row {number} needs one cell for each of {width} variables, got {shown(row)}")
    return {name: [row[column] for row in rows] for column, name in enumerate(names)}


def _is_vector(cell: Any) -> bool:
    return not isinstance(cell, (str, bytes, Mapping)) and np.ndim(cell) > 0 if cell is not None else False


def _read_column(network: "BayesianNetwork", name: str, cells: Sequence[Any], evidence: Evidence) -> None:
    column = network.index(name)
    states = {state: code for code, state in enumerate(network.states[name])}
    codes, soft, code_by_cell = evidence.codes[column], {}, {}
    for row, cell in enumerate(cells):
        if _is_vector(cell):
            soft[row] = _likelihoods(cell, len(states), name, row)
            continue
        key = (type(cell), cell)
        code = code_by_cell.get(key)
        if code is None:
            code = code_by_cell[key] = _code(cell, states, name, row)
        codes[row] = code
    if soft:
        likelihoods = evidence.likelihoods(column, len(states))
        for row, values in soft.items():
            likelihoods[:, row] = values
        evidence.soft[column] = likelihoods


def _code(cell: Any, states: Mapping[str, int], name: str, row: int) -> int:
    if str(cell) in states and cell is not None:
        return states[str(cell)]
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or cell != cell or cell == -1:
        return -1
    if not isinstance(cell, (str, bool)) and cell in range(len(states)):
        return int(cell)
    if isinstance(cell, float) and cell.is_integer() and str(int(cell)) in states:
        return states[str(int(cell))]
    message = f"row {row} holds {shown(cell)}, which is not a state: {', '.join(states)}"
    raise NetworkError(message, variable=name, row=row)


def _likelihoods(cell: Any, count: int, name: str, row: int) -> np.ndarray:
    try:
        values = np.asarray(cell, np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.shape != (count,) or not (np.isfinite(values) & (values >= 0)).all() or not values.any():
        raise NetworkError(
            f"row {row} holds {shown(cell)}; soft evidence is one number >= 0 for each of {count} states, not all 0",
            variable=name,
            row=row,
        )
    return values
