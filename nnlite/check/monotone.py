"""`check_monotone`: checks that a trained model rises and falls with columns as intended."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from nnlite.arrays.types import Array
from nnlite.check.configs import import_own
from nnlite.check.report import Findings, Report
from nnlite.data import Columns
from nnlite.derivatives import box_bounds
from nnlite.errors import ConfigError, did_you_mean

__all__ = ["check_monotone"]

BOXES = 4096  # that are looked at before the rest is left open
SIGNS: dict[str, Literal[1, -1]] = {"+": 1, "-": -1}
VERBS = {1: "rises", -1: "falls"}


class Directed(NamedTuple):
    """A column, its position among the model's inputs, and its direction, 1 or -1."""

    name: str
    place: int
    sign: Literal[1, -1]


def check_monotone(folder: str, directions: Sequence[str], modules: Sequence[str] = ()) -> Report:
    """Check that the output of a run's model rises or falls with columns, all others held fixed.

    On the data, the exact derivative of the output at each row of all parts has its sign. In the box from the least to
    the largest value of each input over these rows, intervals of the derivative have it, see `box_bounds`; a box that
    they do not decide is halved, up to 4,096 boxes. So `ok` in the box is a proof, up to rounding; a check that fails
    names a row, a point of the box, or the share of the box that is left open.

    Args:
        folder: of the run.
        directions: such as `"age:+"` and `"price:-"`: columns of numbers that the output must not fall, or not rise,
            with.
        modules: names of modules to import first, as in `check_config`.

    Raises:
        ConfigError: no direction, or one that cannot be read; a column that does not hold numbers; a model of several
            outputs.
        DataError: no run.
    """
    from nnlite.experiment import Run  # which loads PyYAML: the other checks need NumPy alone

    import_own(modules)
    run, report = Run(folder), Report()
    if run.model.output_shape != (None, 1):
        raise ConfigError(f"directions are those of one output, and the model's are {run.model.output_shape}")
    columns = [_read(text, run.preprocessing.inputs) for text in directions]
    data = run.experiment.prepare(run.preprocessing)[1]
    parts = {part: np.asarray(data.arrays(part)[0]) for part in data.parts}
    rows = np.concatenate(list(parts.values()))
    for column in columns:
        findings = Findings(report, f"column {column.name}")
        for part, x in parts.items():
            _check_rows(run.model, x, column, part, findings)
        _check_box(run.model, rows, column, findings)
    return report


def _read(text: str, inputs: Any) -> Directed:
    """`"age:+"` as the column, its index and the sign."""
    name, colon, sign = text.rpartition(":")
    if not (colon and name and sign in SIGNS):
        raise ConfigError(f"--monotone {text}: expected a column and its direction, such as age:+ or age:-")
    places = inputs.places() if isinstance(inputs, Columns) else {}
    if name not in places:
        hint = did_you_mean(name, places) if places else "the data have no named columns"
        raise ConfigError(f"--monotone {text}: no column {name!r}; {hint}")
    numbers = [column for column in places[name] if column in inputs.amounts]
    if len(numbers) != 1:
        raise ConfigError(f"--monotone {text}: {name!r} is not a column of numbers; only these can rise or fall")
    return Directed(name, numbers[0], SIGNS[sign])


def _slopes(model: Any, x: Array, column: Directed) -> Array:
    """The derivative of the output with respect to the column at each row, times the sign. Shape: `(rows,)`."""
    return column.sign * model.jacobian(x).per_example(np.ones((len(x), 1), model.dtype))[:, column.place]


def _check_rows(model: Any, x: Array, column: Directed, part: str, findings: Findings) -> None:
    slopes = _slopes(model, x, column)
    worst = int(np.argmin(slopes))
    against = int((slopes < 0).sum())
    sentence = f"not at {against} of {len(x)} rows, least of all at row {worst}, by {abs(slopes[worst]):.3g} a unit"
    findings.held(f"{VERBS[column.sign]} at {len(x)} {part} rows", not against, sentence)


def _check_box(model: Any, rows: Array, column: Directed, findings: Findings) -> None:
    check = f"{VERBS[column.sign]} in the box of the data"
    try:
        left, point = _left_open(model, rows.min(axis=0), rows.max(axis=0), column)
    except ConfigError as error:
        findings.skipped(check, error.message)
        return
    if point is not None:
        shown = ", ".join(f"{value:.4g}" for value in point)
        findings.held(check, False, f"not at the inputs [{shown}]")
        return
    findings.held(check, not left, f"left open in {left:.1%} of it after {BOXES:,} boxes; no point was seen against it")


def _left_open(model: Any, low: Array, high: Array, column: Directed) -> tuple[float, Array | None]:
    """The share of the box where the sign is not shown, and a point where it is the other one, if one was seen."""
    width = np.where(high > low, high - low, 1.0).astype(np.float64)
    lows, highs, looked, share = low[None].astype(np.float64), high[None].astype(np.float64), 0, 1.0
    while len(lows) and looked + len(lows) <= BOXES:
        looked += len(lows)
        bounds = box_bounds(model, lows, highs)
        ends = bounds.slopes_low if column.sign > 0 else -bounds.slopes_high
        undecided = ends[:, column.place, 0] < 0
        lows, highs = lows[undecided], highs[undecided]
        share *= float(undecided.mean())
        centres = (lows + highs) / 2
        against = np.flatnonzero(column.sign * box_bounds(model, centres, centres).slopes_low[:, column.place, 0] < 0)
        if len(against):
            return share, centres[against[0]]
        lows, highs = _halved(lows, highs, width)
    return share, None


def _halved(lows: Array, highs: Array, width: Array) -> tuple[Array, Array]:
    """Each box as two halves, cut along the side that is longest relative to the whole box."""
    longest = np.argmax((highs - lows) / width, axis=1)
    cut = np.arange(lows.shape[1]) == longest[:, None]
    middle = (lows + highs) / 2
    return np.concatenate([lows, np.where(cut, middle, lows)]), np.concatenate([np.where(cut, middle, highs), highs])
