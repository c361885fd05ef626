"""Small tables, as HTML and as aligned text."""

import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from itertools import zip_longest

__all__ = ["aligned", "aligned_lines", "boxed", "html_table"]

LONG = 48  # characters of a cell from which on it may take several lines


def html_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = (), raw: Iterable[int] = ()
) -> str:
    """A table.

    Args:
        head: the titles of the columns.
        rows: the cells, as strings.
        numbers: indices of the columns that are aligned to the right.
        raw: indices of the columns whose cells are markup already.
    """
    right, markup = set(numbers), set(raw)
    styles = [' class="n"' if index in right else "" for index in range(len(head))]
    titles = "".join(f'<th scope="col"{style}>{escape(title)}</th>' for style, title in zip(styles, head, strict=True))
    lines = []
    for row in rows:
        long = [index not in markup and len(cell) > LONG for index, cell in enumerate(row)]
        kinds = [' class="long"' if is_long else style for is_long, style in zip(long, styles, strict=True)]
        cells = (cell if index in markup else escape(cell) for index, cell in enumerate(row))
        lines.append("".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds, cells, strict=True)))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def aligned(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """The table as text: titles, a rule, and columns aligned to the left, those of `numbers` to the right."""
    lines = aligned_lines([head, *rows], numbers)
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def aligned_lines(rows: Sequence[Sequence[str]], numbers: Iterable[int] = ()) -> list[str]:
    """One line of text for each row, its columns aligned to the left, those of `numbers` to the right.

    >>> aligned_lines([("part", "loss"), ("test", "0.5")], numbers=[1])
    ['part  loss', 'test   0.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = set(numbers)
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def boxed(head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int], sides: str) -> str:
    """The table as text in a frame: long cells are wrapped, long words cut.

    Args:
        head, rows: the cells.
        widths: characters of each column, without its margins.
        sides: for each column `"<"`, `">"` or `"^"`, where its cells stand.

    >>> print(boxed(["part", "loss"], [["a test", "0.5"]], [4, 4], "<>"))
    ┏━━━━━━┳━━━━━━┓
    ┃ part ┃ loss ┃
    ┡━━━━━━╇━━━━━━┩
    │ a    │  0.5 │
    │ test │      │
    └──────┴──────┘
    """
    formats = [f"{side}{width}" for side, width in zip(sides, widths, strict=True)]

    def line(cells: Sequence[str], edge: str) -> str:
        return f"{edge} " + f" {edge} ".join(map(format, cells, formats)) + f" {edge}"

    def rule(left: str, fill: str, middle: str, right: str) -> str:
        return left + middle.join(fill * (width + 2) for width in widths) + right

    blocks = [[line(cells, "│") for cells in _in_lines(row, widths)] for row in rows]
    between = rule("├", "─", "┼", "┤")
    body = [text for index, block in enumerate(blocks) for text in ([between] * (index > 0) + block)]
    titles = [line(cells, "┃") for cells in _in_lines(head, widths)]
    top, under = rule("┏", "━", "┳", "┓"), rule("┡", "━", "╇", "┩")
    return "\n".join([top, *titles, under, *body, rule("└", "─", "┴", "┘")])


def _in_lines(row: Sequence[str], widths: Sequence[int]) -> list[tuple[str, ...]]:
    """The lines of a row; a word longer than its column ends in an ellipsis."""
    wrapped = [
        [
            part if len(part) <= width else f"{part[: width - 1]}…"
            for part in textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
        ]
        for text, width in zip(row, widths, strict=True)
    ]
    return list(zip_longest(*wrapped, fillvalue=""))
