"""A finished picture."""

from dataclasses import dataclass
from html import escape

from nnlite.charts.markup import element
from nnlite.charts.style import notebook

__all__ = ["WIDTH", "Chart"]

WIDTH = 420.0  # units of every chart's own coordinates: text of 11 is readable where 400 pixels are all there is


@dataclass(frozen=True)
class Chart:
    """A picture in SVG that a page or a notebook shows; it needs `charts.STYLE` around it.

    Args:
        title: what it shows.
        description: what it says, in words and numbers, for those who do not see it.
        body: the elements inside.
        height: in units of `WIDTH`.
        note: a line for the caption.

    >>> from nnlite.charts import bar_chart
    >>> chart = bar_chart(["a", "b"], [1.0, 2.0], title="Two bars")
    >>> chart.description
    'a 1; b 2.'
    >>> chart.svg()[:60]
    '<svg viewBox="0 0 420 68" role="img" aria-label="Two bars. a'
    """

    title: str
    description: str
    body: str
    height: float
    note: str = ""
    width: float = WIDTH

    def svg(self) -> str:
        """The picture as an element of a page."""
        return element(
            "svg",
            element("title", escape(self.title)),
            element("desc", escape(self.description)),
            self.body,
            viewBox=f"0 0 {self.width:.0f} {self.height:.0f}",
            role="img",
            aria_label=f"{self.title}. {self.description}",
        )

    def figure(self) -> str:
        """The picture under its caption."""
        note = f" {escape(self.note)}" if self.note else ""
        return f"<figure><figcaption><b>{escape(self.title)}</b>{note}</figcaption>{self.svg()}</figure>"

    def _repr_html_(self) -> str:
        return notebook(self.figure())
