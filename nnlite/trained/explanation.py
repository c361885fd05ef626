"""Which columns of a row made its prediction what it is: integrated gradients from a typical row, column by column."""

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.data import Classes, Columns, Ordinal, Quantities, Raw, Table, TableEncoder, read_frame
from nnlite.data.frames.frame import Frame
from nnlite.errors import ConfigError, did_you_mean
from nnlite.jacobians import NetworkJacobian
from nnlite.trained.single_rows import places_of

if TYPE_CHECKING:
    from nnlite.trained.model import TrainedModel

__all__ = ["RowExplanation"]

NODES = (32, 128, 512, 2048)  # of the quadrature, the next more where so many do not suffice
TOLERANCE = 1e-3  # of the difference that is explained
ROWS_AT_ONCE = 2048
STEP = 1e-4  # of the numerical derivative of an amount by the output
SHOWN = 20  # columns, in a table for people


@dataclass(frozen=True, repr=False)
class RowExplanation:
    """What each column contributes to one prediction, the largest contribution first.

    Args:
        output: what is explained: a label, whose probability it is, or the name of an amount.
        value: the prediction of the row.
        typical_value: the prediction of the typical row; `value - typical_value` is the sum of all contributions.
        contributions: column -> contribution, in units of the prediction.
        cells: column -> cell of the row, as text.
        typical: column -> cell of the typical row, as text; without a column where it has none.

    >>> RowExplanation("price", 125.0, 100.0, {"rooms": 20.0, "age": 5.0}, {"rooms": "4", "age": "3"}, {"rooms": "3.2"})
    price: 125, a typical row 100
    column  this row  typical row  contribution
    rooms          4          3.2           +20
    age            3                         +5
    """

    output: Any
    value: float
    typical_value: float
    contributions: dict[str, float]
    cells: dict[str, str] = field(default_factory=dict)
    typical: dict[str, str] = field(default_factory=dict)

    def top(self, count: int) -> dict[str, float]:
        """The `count` largest contributions."""
        return dict(list(self.contributions.items())[:count])

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [
            (name, self.cells.get(name, ""), self.typical.get(name, ""), f"{value:+.4g}")
            for name, value in self.top(SHOWN).items()
        ]
        rest = list(self.contributions.values())[SHOWN:]
        return [*rows, (f"{len(rest)} more", "", "", f"{sum(rest):+.4g}")] if rest else rows

    @property
    def _title(self) -> str:
        return f"{self.output}: {self.value:.4g}, a typical row {self.typical_value:.4g}"

    def __repr__(self) -> str:
        rows = [("column", "this row", "typical row", "contribution"), *self._rows()]
        widths = [max(len(row[place]) for row in rows) for place in range(4)]
        lines = [
            "  ".join([f"{row[0]:{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:]))])
            for row in rows
        ]
        return "\n".join([self._title, *lines])

    def _repr_html_(self) -> str:
        largest = max((abs(value) for value in self.contributions.values()), default=0.0) or 1.0
        lines = []
        for name, cell, typical, shown in self._rows():
            share = 50 * abs(self.contributions.get(name, 0.0)) / largest
            side = "right" if shown.startswith("-") else "left"
            bar = f'<div style="width:{share:.1f}%;margin-{side}:50%;float:{side};height:.7em;background:currentColor">'
            cells = "".join(f"<td>{escape(text)}</td>" for text in (name, cell, typical, shown))
            lines.append(f'<tr>{cells}<td style="width:12em">{bar}</div></td></tr>')
        head = "".join(f"<th>{title}</th>" for title in ("column", "this row", "typical row", "contribution", ""))
        return f"<table><caption>{escape(self._title)}</caption><tr>{head}</tr>{''.join(lines)}</table>"


class Answer(NamedTuple):
    """One number of a prediction as a function of the model's outputs.

    Args:
        name: a label, or what an amount is called.
        of: from outputs to the number, shape (rows,), float64.
        slope: its derivative by the outputs, of their shape.
    """

    name: Any
    of: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]


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
    found = []
    for number, (row, numbers) in enumerate(zip(x, outputs, strict=True)):
        answer = answer_of(trained, output, numbers[None])
        parts, value, start = _contributions(trained, answer, row, baseline, groups)
        parts = dict(sorted(parts.items(), key=lambda pair: -abs(pair[1])))
        cells = {name: str(column[number]) for name, column in raw.items() if name in parts}
        found.append(RowExplanation(answer.name, value, start, parts, cells, typical))
    return found


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
    baseline = np.asarray(typical, x.dtype).reshape(x.shape[1:])
    return baseline, {_place_name(place): _shown(float(baseline[place])) for place in np.ndindex(baseline.shape)}


def _as_cell(cell: Any, kind: str | None) -> Any:
    return np.datetime64(cell) if kind == "date" and cell is not None else cell


def _shown(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _place_name(place: tuple[int, ...]) -> str:
    return "x" + ",".join(map(str, place))


def _groups(trained: "TrainedModel", x: np.ndarray) -> list[tuple[str, list[int], bool]]:
    """Raw column, places of its numbers in the raveled row, and whether they are codes; codes come last."""
    encoder = trained.encoder
    if not isinstance(encoder, (Columns, TableEncoder)):
        return [(_place_name(place), [n], False) for n, place in enumerate(np.ndindex(x.shape[1:]))]
    groups = [(column.name, places, isinstance(column, Ordinal)) for column, places in places_of(encoder)]
    return sorted(groups, key=lambda group: group[2])


def _cells(inputs: Any) -> dict[str, Any]:
    """The raw cells by column."""
    if isinstance(inputs, Table):
        return inputs.columns
    if isinstance(inputs, Frame):
        return {
            column.name: ["" if gap else _shown(cell) for cell, gap in _with_gaps(column)] for column in inputs.columns
        }
    flat = np.asarray(inputs).reshape(len(inputs), -1)
    names = [_place_name(place) for place in np.ndindex(np.shape(inputs)[1:])]
    return {name: [_shown(float(cell)) for cell in column] for name, column in zip(names, flat.T, strict=True)}


def _with_gaps(column: Any) -> Any:
    cells = column.values if column.kind == "date" else column.values.tolist()
    return zip(cells, column.missing, strict=True)


def answer_of(trained: "TrainedModel", output: Any, outputs: np.ndarray) -> Answer:
    """What is explained of a row with these outputs, shape (1, ...)."""
    target: Any = trained.target
    if target is None or isinstance(target, Quantities):
        return _amount(trained, output)
    labels = list(target.labels)
    probabilities = target.probabilities(trained._answering(outputs))
    if output is not None:
        names = [str(label) for label in labels]
        if str(output) not in names:
            raise ConfigError(f"no label {output!r}; {did_you_mean(output, names)}", ("output",))
        place = names.index(str(output))
    else:
        place = (
            int(target.chosen(trained._answering(outputs))[0])
            if isinstance(target, Classes)
            else int(probabilities.argmax())
        )
    binary = isinstance(target, Classes) and target.kind == "binary"
    unit, sign = (0, 2 * place - 1) if binary else (place, 1)

    def of(outputs: np.ndarray) -> np.ndarray:
        return target.probabilities(trained._answering(outputs))[:, place].astype(np.float64)

    def slope(outputs: np.ndarray) -> np.ndarray:
        seed = np.zeros_like(outputs)
        seed[:, unit] = sign
        return seed if trained._link is None else trained._link.linearize(outputs)[1].vjp(seed)[0]

    return Answer(labels[place], of, slope)


def _amount(trained: "TrainedModel", output: Any) -> Answer:
    """An amount in the target's unit, or an output as it is."""
    target = trained.target
    count = trained.model.output_shape[-1]
    names = trained.target_names or [f"output_{n}" if count > 1 else "output" for n in range(count)]
    if output is not None and output not in names:
        raise ConfigError(f"no target {output!r}; {did_you_mean(output, names)}", ("output",))
    place = 0 if output is None else names.index(output)

    def of(outputs: np.ndarray) -> np.ndarray:
        wide = outputs.astype(np.float64)
        return (wide if not isinstance(target, Quantities) else target.units(wide))[:, place]

    def slope(outputs: np.ndarray) -> np.ndarray:
        seed, step = np.zeros_like(outputs), np.zeros(count)
        step[place] = STEP
        seed[:, place] = (of(outputs + step) - of(outputs - step)) / (2 * STEP)
        return seed

    return Answer(names[place], of, slope)


def _contributions(
    trained: "TrainedModel",
    answer: Answer,
    row: np.ndarray,
    baseline: np.ndarray,
    groups: list[tuple[str, list[int], bool]],
) -> tuple[dict[str, float], float, float]:
    """What each raw column contributes, the number for the row, and that for the baseline.

    First codes change from those of the baseline to those of the row, one column after the other, in this order and in
    the reverse one, of which the mean is taken; then the other numbers go along the straight line.
    """
    model = trained.model
    codes = [(name, places) for name, places, is_code in groups if is_code]
    changed = [_changed(baseline, row, order) for order in (codes, codes[::-1])]
    points = np.stack([*changed[0], *changed[1], row])
    values = answer.of(model.predict(points, verbose=0))
    forward, backward = values[: len(codes) + 1], values[len(codes) + 1 : -1]
    found = {name: 0.0 for name, _, _ in groups}
    for (name, _), up, down in zip(codes, np.diff(forward), np.diff(backward)[::-1], strict=True):
        found[name] += float(up + down) / 2
    start = changed[0][-1]
    along = _along_line(model, answer, row, start, float(values[-1] - forward[-1])).ravel()
    for name, places, is_code in groups:
        if not is_code:
            found[name] += float(along[places].sum())
    return found, float(values[-1]), float(values[0])


def _changed(baseline: np.ndarray, row: np.ndarray, order: list[tuple[str, list[int]]]) -> list[np.ndarray]:
    """The baseline, then what becomes of it column by column."""
    points = [baseline]
    for _, places in order:
        point = points[-1].copy()
        point.flat[places] = row.flat[places]
        points.append(point)
    return points


def _along_line(model: Any, answer: Answer, row: np.ndarray, start: np.ndarray, difference: float) -> np.ndarray:
    """Integrated gradients of a number of the prediction, by Gauss and Legendre; they add up to `difference`.

    More nodes are taken until the quadrature is right to a thousandth; what is left is laid on the contributions by
    their size.
    """
    found = np.zeros(row.shape)
    for count in NODES:
        nodes, weights = np.polynomial.legendre.leggauss(count)
        found = np.zeros(row.shape)
        for first in range(0, count, ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            times = ((nodes[part] + 1) / 2).reshape(-1, *(1,) * row.ndim)
            points = (start + times * (row - start)).astype(row.dtype)
            outputs, jacobians = model.linearize(points, *model.values)
            slopes = NetworkJacobian(jacobians, None, points.shape, outputs.shape).per_example(answer.slope(outputs))
            found += np.tensordot(weights[part] / 2, slopes.astype(np.float64), 1)
        found *= row - start
        gap, total = difference - found.sum(), np.abs(found).sum()
        if abs(gap) <= TOLERANCE * max(abs(difference), TOLERANCE * total):
            break
    return found + gap * np.abs(found) / total if total else found
