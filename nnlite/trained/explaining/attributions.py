"""Contributions of raw columns to a prediction: integrated gradients from a typical row, summed by column."""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.data import Columns, Ordinal, Raw, Table, TableEncoder, read_frame
from nnlite.data.frames.frame import Column, Frame
from nnlite.errors import ConfigError
from nnlite.jacobians import NetworkJacobian
from nnlite.trained.explaining.explanation import RowExplanation
from nnlite.trained.explaining.one_answer import Answer, answer_of
from nnlite.trained.single_rows import places_of

if TYPE_CHECKING:
    from nnlite.trained.model import TrainedModel

__all__ = []

NODES = (32, 128, 512)  # of the quadrature; the next larger number if one does not suffice
TOLERANCE = 1e-3  # of the difference that is explained
ROWS_AT_ONCE = 2048


def explained(trained: "TrainedModel", x: np.ndarray, inputs: Any, output: Any = None) -> list[RowExplanation]:
    """The explanations of encoded rows.

    Args:
        trained: whose predictions they are.
        x: encoded rows.
        inputs: the rows before.
        output: see `TrainedModel.explain`.
    """
    model: Any = trained.model
    if model.input_kind != "numbers" or model.takes_several or not isinstance(trained.encoder, _EXPLAINED):
        raise ConfigError(f"{model.label} does not take rows of numbers and categories, which alone are explained")
    x = np.asarray(x, model.dtype)
    baseline, typical = _baseline(trained, x)
    outputs = model.predict(x, verbose=0)
    groups = _groups(trained, x)
    raw = _cells(inputs)
    explanations = []
    for number, (row, numbers) in enumerate(zip(x, outputs, strict=True)):
        answer = answer_of(trained, output, numbers[None])
        parts, value, start = _contributions(trained, answer, row, baseline, groups)
        parts = dict(sorted(parts.items(), key=lambda pair: -abs(pair[1])))
        cells = {name: str(column[number]) for name, column in raw.items() if name in parts}
        explanations.append(RowExplanation(answer.name, value, start, parts, cells, typical))
    return explanations


_EXPLAINED = (Columns, TableEncoder, Raw)


def _baseline(trained: "TrainedModel", x: np.ndarray) -> tuple[np.ndarray, dict[str, str]]:
    """The typical row as the model takes it, and its cells as text.

    Where the file has none, it is a row without values for a table, which encoders fill, and zeros for an array.
    """
    encoder, typical = trained.encoder, trained.typical
    if isinstance(encoder, (Columns, TableEncoder)):
        cells = typical if isinstance(typical, dict) else {}
        names = encoder.names if isinstance(encoder, TableEncoder) else trained.schema.names
        kinds = {column.name: column.kind for column in trained.schema.columns}
        row = {name: _as_cell(cells.get(name), kinds.get(name)) for name in names}
        shown = {name: _shown(cell) for name, cell in cells.items() if cell is not None}
        return np.asarray(encoder.encode(read_frame([row])), x.dtype)[0], shown
    if typical is None:
        return np.zeros_like(x[0]), {}
    baseline = np.asarray(typical, x.dtype)
    baseline = np.broadcast_to(baseline, x.shape[1:]) if baseline.ndim > 2 else baseline.reshape(x.shape[1:])
    return baseline, {_place_name(index): _shown(float(baseline[index])) for index in np.ndindex(baseline.shape)}


def _as_cell(cell: Any, kind: str | None) -> Any:
    return np.datetime64(cell) if kind == "date" and cell is not None else cell


def _shown(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _place_name(index: tuple[int, ...]) -> str:
    return "x" + ",".join(map(str, index))


def _groups(trained: "TrainedModel", x: np.ndarray) -> list[tuple[str, list[int], bool]]:
    """Raw column, indices of its numbers in the raveled row, and whether they are codes; codes come last."""
    encoder = trained.encoder
    if not isinstance(encoder, (Columns, TableEncoder)):
        return [(_place_name(index), [n], False) for n, index in enumerate(np.ndindex(x.shape[1:]))]
    groups = [(column.name, places, isinstance(column, Ordinal)) for column, places in places_of(encoder)]
    return sorted(groups, key=lambda group: group[2])


def _cells(inputs: Any) -> dict[str, Any]:
    """The raw cells by column."""
    if isinstance(inputs, Table):
        return inputs.columns
    if isinstance(inputs, Frame):
        return {column.name: _texts_of(column) for column in inputs.columns}
    flat = np.asarray(inputs).reshape(len(inputs), -1)
    names = [_place_name(index) for index in np.ndindex(np.shape(inputs)[1:])]
    return {name: [_shown(float(cell)) for cell in column] for name, column in zip(names, flat.T, strict=True)}


def _texts_of(column: Column) -> list[str]:
    """The cells of a column as people write them, `""` for a gap."""
    cells = column.values if column.kind == "date" else column.values.tolist()
    shown = (bool(cell) if column.kind == "boolean" else cell for cell in cells)
    return ["" if gap else _shown(cell) for cell, gap in zip(shown, column.missing, strict=True)]


def _contributions(
    trained: "TrainedModel",
    answer: Answer,
    row: np.ndarray,
    baseline: np.ndarray,
    groups: list[tuple[str, list[int], bool]],
) -> tuple[dict[str, float], float, float]:
    """Contributions of the raw columns, the output for the row, and that for the baseline.

    First the codes change from those of the baseline to those of the row, column by column, in this order and in
    reverse, and the two results are averaged; then the other numbers go along the straight line.
    """
    model = trained.model
    codes = [(name, places) for name, places, is_code in groups if is_code]
    changed = [_changed(baseline, row, order) for order in (codes, codes[::-1])]
    points = np.stack([*changed[0], *changed[1], row])
    values = answer.of(model.predict(points, verbose=0))
    forward, backward = values[: len(codes) + 1], values[len(codes) + 1 : -1]
    contributions = {name: 0.0 for name, _, _ in groups}
    for (name, _), up, down in zip(codes, np.diff(forward), np.diff(backward)[::-1], strict=True):
        contributions[name] += float(up + down) / 2
    start = changed[0][-1]
    along = _along_line(model, answer, row, start, float(values[-1] - forward[-1])).ravel()
    for name, places, is_code in groups:
        if not is_code:
            contributions[name] += float(along[places].sum())
    return contributions, float(values[-1]), float(values[0])


def _changed(baseline: np.ndarray, row: np.ndarray, order: list[tuple[str, list[int]]]) -> list[np.ndarray]:
    """The baseline, then what becomes of it column by column."""
    points = [baseline]
    for _, places in order:
        point = points[-1].copy()
        point.flat[places] = row.flat[places]
        points.append(point)
    return points


@functools.cache
def _nodes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre quadrature, which take longer to find than to use."""
    return np.polynomial.legendre.leggauss(count)


def _along_line(model: Any, answer: Answer, row: np.ndarray, start: np.ndarray, difference: float) -> np.ndarray:
    """Integrated gradients of a number of the prediction, by Gauss-Legendre quadrature; they add up to `difference`.

    More nodes are taken until the quadrature is right to a thousandth; the rest is distributed over the contributions
    in proportion to their size.
    """
    contributions = np.zeros(row.shape)
    for count in NODES:
        nodes, weights = _nodes(count)
        contributions = np.zeros(row.shape)
        for first in range(0, count, ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            times = ((nodes[part] + 1) / 2).reshape(-1, *(1,) * row.ndim)
            points = (start + times * (row - start)).astype(row.dtype)
            outputs, jacobians = model.linearize(points, *model.values)
            slopes = NetworkJacobian(jacobians, None, points.shape, outputs.shape).per_example(answer.slope(outputs))
            contributions += np.tensordot(weights[part] / 2, slopes.astype(np.float64), 1)
        contributions *= row - start
        gap, total = difference - contributions.sum(), np.abs(contributions).sum()
        if abs(gap) <= TOLERANCE * max(abs(difference), TOLERANCE * total):
            break
    return contributions + gap * np.abs(contributions) / total if total else contributions
