"""Columns of a row that explain its prediction, largest contribution first."""

from dataclasses import dataclass, field
from html import escape
from typing import Any

from nnlite.charts import aligned_lines

__all__ = ["RowExplanation"]

SHOWN = 20  # columns, in a table for people


@dataclass(frozen=True, repr=False)
class RowExplanation:
    """Contribution of each column to one prediction, the largest first.

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
        return "\n".join([self._title, *aligned_lines(rows, numbers=(1, 2, 3))])

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
