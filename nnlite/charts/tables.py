"""Tables of a few columns, as HTML and as aligned text."""

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["aligned", "aligned_lines", "html_table"]

LONG = 48  # characters of a cell from which on it may take several lines


def html_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = (), raw: Iterable[int] = ()
) -> str:
    """A table.

    Args:
        head: the titles of the columns.
        rows: the cells, as strings.
        numbers: places of the columns that are aligned to the right.
        raw: places of the columns whose cells are markup already.
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
