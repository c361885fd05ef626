"""The rows with the largest errors, displayed by type: images as images, series as lines."""

from html import escape

import numpy as np

from nnlite.charts import Chart, Series, html_table, line_chart, number_text, png_uri
from nnlite.charts.markup import shortened
from nnlite.data import Labels, Quantities
from nnlite.data.table import Table
from nnlite.report.evidence.features import Features
from nnlite.report.evidence.images import image_shape, pixels, smaller
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import figures, notice, section, wide

__all__ = ["rows_section"]

LEAST_IMAGES, MOST_BYTES = 3, 40_000  # of all images together
SHOWN_ROWS, SHOWN_IMAGES, SHOWN_SERIES, SHOWN_COLUMNS = 10, 24, 3, 6


def rows_section(subject: Subject, features: Features | None) -> str:
    """The rows with the largest losses.

    Args:
        subject: the run.
        features: says which columns of a table are shown: the most important ones.
    """
    x, y = subject.arrays(subject.part)
    losses = subject.row_losses(x, y, subject.raw_outputs[subject.part])
    worst = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")
    said = notice(f"The rows of the {subject.part} part with the largest loss, the worst first.")
    shape = image_shape(subject)
    if shape is not None:
        content = _images(subject, worst[:SHOWN_IMAGES], losses, shape)
    elif _is_series(subject):
        content = figures(*(_series(subject, int(row), losses) for row in worst[:SHOWN_SERIES]))
    else:
        content = _table(subject, worst[:SHOWN_ROWS], losses, features)
    return section("worst", "Worst rows", said, content)


def _verdict(subject: Subject, row: int) -> tuple[str, str]:
    """The true and the predicted value, as strings."""
    target, part = subject.target, subject.part
    if isinstance(target, Quantities):
        (truth,), (predicted,) = subject.quantities(part, slice(row, row + 1))
        return _listed(truth), _listed(predicted)
    truth, outputs = subject.truth(part)[row : row + 1], subject.outputs[part][row : row + 1]
    if isinstance(target, Labels):
        marks = [subject.labels[index] for index in np.flatnonzero(target.encode(truth)[0])]
        return ", ".join(marks) or "none", ", ".join(target.labels_of(outputs)[0]) or "none"
    codes, answers = np.ravel(target.codes(truth)), np.ravel(target.chosen(outputs))
    if len(codes) > 1:
        return _steps(codes, subject.labels), _steps(answers, subject.labels)
    probability = float(target.probabilities(outputs)[0, int(answers[0])])
    return subject.labels[int(codes[0])], f"{subject.labels[int(answers[0])]} ({number_text(probability, 3)})"


def _listed(values: np.ndarray) -> str:
    return ", ".join(number_text(float(value)) for value in values[:4]) + (", …" if len(values) > 4 else "")


def _steps(codes: np.ndarray, labels: list[str]) -> str:
    return shortened(" ".join(labels[int(code)] for code in codes), 60)


def _images(subject: Subject, worst: np.ndarray, losses: np.ndarray, shape: tuple[int, int, int]) -> str:
    first = smaller(np.zeros(shape))
    worst = worst[: int(np.clip(MOST_BYTES / first.size, LEAST_IMAGES, SHOWN_IMAGES))]
    images = [smaller(image) for image in subject.arrays(subject.part)[0][worst].reshape(-1, *shape)]
    low, high = float(np.min(images)), float(np.max(images))
    names, shown = subject.prepared.row_names(subject.part), []
    for row, image in zip(worst.tolist(), images, strict=True):
        truth, predicted = (escape(text) for text in _verdict(subject, row))
        source = png_uri(pixels(image, low, high))
        text = f"{escape(f'row {row}' if names is None else str(names[row]))}: {truth}, predicted {predicted}"
        picture = f'<img src="{source}" alt="{text}" title="{text}, loss {number_text(float(losses[row]))}">'
        shown.append(f"<figure>{picture}<figcaption>{truth}, predicted {predicted}</figcaption></figure>")
    return f'<div class="u">{"".join(shown)}</div>'


def _is_series(subject: Subject) -> bool:
    """Whether a row is one number at each of many steps, and the target numbers that may follow."""
    shape = subject.model.input_shape[1:]
    numbers = isinstance(subject.target, Quantities) and subject.model.input_kind != "strings"
    return numbers and len(shape) == 2 and shape[1] == 1


def _series(subject: Subject, row: int, losses: np.ndarray) -> Chart:
    before = subject.arrays(subject.part)[0][row].ravel()
    (truth,), (predicted,) = subject.quantities(subject.part, slice(row, row + 1))
    after = np.arange(len(before), len(before) + len(truth))
    lines = [
        Series("input", np.arange(len(before)), before),
        Series("actual", after, truth),
        Series("predicted", after, predicted),
    ]
    return line_chart(lines, f"Row {row}", "step", "value", note=f"Loss {number_text(float(losses[row]))}.")


def _table(subject: Subject, worst: np.ndarray, losses: np.ndarray, features: Features | None) -> str:
    table = subject.table
    places = worst if table is None else subject.rows(subject.part)[worst]
    columns: dict[str, list[str]] = {}
    if isinstance(table, Table):
        columns["line"] = [str(table.lines[index]) for index in places]
    verdicts = [_verdict(subject, row) for row in worst.tolist()]
    name = ", ".join(subject.target.columns)
    columns[name] = [truth for truth, _ in verdicts]
    columns["predicted"] = [predicted for _, predicted in verdicts]
    columns["loss"] = [number_text(float(losses[row])) for row in worst]
    columns |= _inputs(subject, worst, features)
    rows = list(zip(*columns.values(), strict=True))
    return wide(html_table(list(columns), rows, numbers=[list(columns).index("loss")]))


def _inputs(subject: Subject, worst: np.ndarray, features: Features | None) -> dict[str, list[str]]:
    """The raw values of the most important columns, or what else the input is."""
    table, columns_shown = subject.table, list(features.importance)[:SHOWN_COLUMNS] if features else []
    if table is not None:
        names = columns_shown or (list(table.columns) if isinstance(table, Table) else table.names)[:SHOWN_COLUMNS]
        places = subject.rows(subject.part)[worst]
        cells = {name: table.column(name, "category").values[places] for name in names}
        return {f"{name} ": [shortened(str(cell or ""), 80) for cell in values] for name, values in cells.items()}
    raw = subject.arrays(subject.part)[0][worst]
    if raw.dtype.kind in "OU":
        return {"text ": [shortened(str(text), 120) for text in np.ravel(raw)]}
    columns = [(name, features.places[name][0]) for name in columns_shown] if features else []
    return {f"{name} ": [number_text(float(value)) for value in raw[:, column]] for name, column in columns}
