"""A matrix as a table of colored cells with numbers."""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.charts.chart import WIDTH, Chart
from nnlite.charts.markup import element, shortened, text_width, tooltip
from nnlite.charts.ticks import number_text

__all__ = ["heat_map"]

LONGEST = 16
LIGHTEST = 0.04  # opacity of a cell of shade 0
SHADES = 16
MOST_NUMBERED = 256  # cells: more are a picture of shades, or the page grows


def heat_map(
    matrix: ArrayLike,
    row_names: Sequence[str],
    column_names: Sequence[str],
    title: str,
    row_label: str = "",
    column_label: str = "",
    shades: ArrayLike | None = None,
    note: str = "",
) -> Chart:
    """A heat map; cells show their number where there is room, and in a tooltip.

    Args:
        matrix: `(rows, columns)`; cells that are not finite stay empty.
        row_names, column_names: what rows and columns are called.
        title, note: for the caption.
        row_label, column_label: what the rows and the columns are.
        shades: how dark each cell is, in [0, 1]; by its value, between the smallest and the largest one, when None.
    """
    matrix = np.asarray(matrix, float)
    shades = _shares(matrix) if shades is None else np.asarray(shades, float)
    left = 22.0 + _widest(row_names)
    across = (WIDTH - left - 2) / max(matrix.shape[1], 1)
    down = min(across, 34.0)
    numbered = (
        matrix.size <= MOST_NUMBERED
        and across >= 3 + _widest([number_text(number) for number in matrix.ravel().tolist()])
        and down >= 12
    )
    turned = across < 4 + _widest(column_names)
    top = 20.0 + (_widest(column_names) if turned else 12.0)
    parts = [_names(row_names, column_names, left, top, across, down, turned)]
    parts += [element("text", escape(column_label), x=(left + WIDTH) / 2, y=11, class_="m")] if column_label else []
    middle = top + down * len(matrix) / 2
    if row_label:
        turn = f"rotate(-90 10 {middle:.0f})"
        parts.append(element("text", escape(row_label), x=10, y=middle, transform=turn, class_="m"))
    places = (left + across * np.arange(matrix.shape[1]), top + down * np.arange(len(matrix)))
    if numbered:
        heads = ([f"{row_label} {name}, " for name in row_names], [f"{column_label} {name}: " for name in column_names])
        parts += _numbered(matrix, shades, places, (across, down), heads)
    else:
        parts += _coloured(np.where(np.isfinite(matrix), shades, np.nan), places, (across, down))
    body = element("g", *parts, class_="s0")
    return Chart(title, _said(matrix, row_names, column_names), body, top + down * len(matrix) + 4, note)


def _widest(texts: Sequence[str]) -> float:
    return max((text_width(shortened(text, LONGEST)) for text in texts), default=0.0)


def _numbered(matrix: np.ndarray, shades: np.ndarray, places: tuple, size: tuple, heads: tuple) -> Iterator[str]:
    """Cells with their numbers and tooltips."""
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            x, y, shade = places[0][column], places[1][row], float(np.clip(np.nan_to_num(shades[row, column]), 0, 1))
            box = {"x": float(x), "y": float(y), "width": size[0] - 1, "height": size[1] - 1}
            opacity = f"{LIGHTEST + (1 - LIGHTEST) * shade:.2f}"
            middle = {"x": float(x + size[0] / 2), "y": float(y + size[1] / 2 + 4)}
            text = number_text(float(value))
            yield element(
                "g",
                tooltip(f"{heads[0][row]}{heads[1][column]}{text}".strip()),
                element("rect", **box, class_="b", fill_opacity=opacity),
                element("text", text, **middle, class_=f"m {'w' if shade > 0.6 else 'v'}"),
            )


def _coloured(shades: np.ndarray, places: tuple, size: tuple) -> Iterator[str]:
    """Cells without numbers, those of about one shade as one path: a picture of thousands of cells stays small."""
    levels = np.round(np.clip(shades, 0, 1) * SHADES)
    width, height = (f"{max(length - gap, 0.5):.1f}" for length, gap in zip(size, (0.3, 0.3), strict=True))
    for level in np.unique(levels[np.isfinite(levels)]):
        cells = [
            f"M{places[0][column]:.1f} {places[1][row]:.1f}h{width}v{height}h-{width}z"
            for row, column in np.argwhere(levels == level)
        ]
        opacity = f"{LIGHTEST + (1 - LIGHTEST) * level / SHADES:.2f}"
        yield element("path", d="".join(cells), class_="b", fill_opacity=opacity)


def _names(rows: Sequence[str], columns: Sequence[str], left: float, top: float, across: float, down: float, turned):
    parts = []
    every = max(1, int(np.ceil(11 / down)))
    for number, name in list(enumerate(rows))[::every]:
        y = top + (number + 0.5) * down + 4
        parts.append(element("text", escape(shortened(name, LONGEST)), x=left - 5, y=y, class_="e"))
    every = max(1, int(np.ceil(11 / across)))
    for number, name in list(enumerate(columns))[::every]:
        x = left + (number + 0.5) * across
        shown = escape(shortened(name, LONGEST))
        turn = f"rotate(-90 {x + 4:.1f} {top - 5:.1f})" if turned else None
        attributes = {"x": x + 4, "transform": turn} if turned else {"x": x, "class_": "m"}
        parts.append(element("text", shown, y=top - 5, **attributes))
    return "".join(parts)


def _shares(matrix: np.ndarray) -> np.ndarray:
    finite = matrix[np.isfinite(matrix)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    return (matrix - low) / (high - low) if high > low else np.zeros_like(matrix)


def _said(matrix: np.ndarray, row_names: Sequence[str], column_names: Sequence[str]) -> str:
    rows, columns = matrix.shape
    if matrix.size > 150:
        if not np.isfinite(matrix).any():
            return f"{rows} by {columns} cells, none of them finite."
        largest = np.unravel_index(np.argmax(np.where(np.isfinite(matrix), matrix, -np.inf)), matrix.shape)
        where = f"{row_names[int(largest[0])]}, {column_names[int(largest[1])]}"
        return f"{rows} by {columns} cells, the largest at {where}: {number_text(float(matrix[largest]))}."
    lines = [
        f"{name}: {', '.join(f'{column} {number_text(cell)}' for column, cell in zip(column_names, line, strict=True))}"
        for name, line in zip(row_names, matrix.tolist(), strict=True)
    ]
    return f"{'; '.join(lines)}."
