"""A finished chart, and the shared style of charts, tables and pages: one set of colors for light, one for dark."""

from dataclasses import dataclass
from html import escape

from nnlite.charts.markup import element

__all__ = ["STYLE", "WIDTH", "Chart", "notebook"]

WIDTH = 420.0  # units of every chart's own coordinates: text of 11 is readable where 400 pixels are all there is


# Okabe and Ito's colors, which color-blind people tell apart; yellow and black, which one of the backgrounds
# swallows, are replaced by brown and gray.
LIGHT = ("0072b2", "d55e00", "00805e", "b1548e", "3d9bd1", "b77b00", "7a5230", "666d75")
DARK = ("56b4e9", "f08a3c", "2cc495", "e08dbf", "9ad0f5", "f0c040", "c9a07a", "a5adb5")
DASHES = ("none", "5px 3px", "1.5px 2.5px", "8px 3px 1.5px 3px")

_PALETTES = (
    (LIGHT, {"surface": "ffffff", "ink": "1c2128", "soft": "5b636c", "rule": "dfe3e8", "band": "f4f6f8"}),
    (DARK, {"surface": "14171c", "ink": "e6e9ed", "soft": "a0a8b2", "rule": "343a42", "band": "1d2127"}),
)


def _variables(colours: tuple[str, ...], named: dict[str, str]) -> str:
    numbered = {f"c{number}": colour for number, colour in enumerate(colours)}
    return "".join(f"--{name}:#{colour};" for name, colour in {**numbered, **named}.items())


_SERIES = "".join(
    f".nn .s{number}{{--c:var(--c{number});--d:{DASHES[number % len(DASHES)]}}}" for number in range(len(LIGHT))
)

STYLE = f"""
.nn{{{_variables(*_PALETTES[0])}color-scheme:light;color:var(--ink);background:var(--surface);
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}}
@media screen and (prefers-color-scheme:dark){{.nn{{{_variables(*_PALETTES[1])}color-scheme:dark}}}}
{_SERIES}
.nn svg{{display:block;width:100%;height:auto;font-size:11px;fill:var(--ink)}}
.nn svg text{{fill:var(--soft)}}.nn svg .v{{fill:var(--ink)}}.nn svg .w{{fill:var(--surface)}}
.nn svg .e{{text-anchor:end}}.nn svg .m{{text-anchor:middle}}
.nn .g{{stroke:var(--rule);stroke-width:1}}.nn .z{{stroke:var(--soft);stroke-width:1}}
.nn .l{{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round;stroke-dasharray:var(--d)}}
.nn .r{{fill:none;stroke:var(--soft);stroke-width:1;stroke-dasharray:3px 3px}}
.nn .b,.nn .k{{fill:var(--c)}}.nn .p{{stroke:var(--c);stroke-width:5;stroke-linecap:round;stroke-opacity:.5}}
.nn .a{{fill:var(--c);fill-opacity:.16}}
.nn .h{{fill:transparent}}.nn .h:hover{{fill:var(--c)}}
.nn .i{{stroke:var(--ink);stroke-width:1.3;fill:none}}.nn .o{{fill:var(--surface);stroke:var(--soft);stroke-width:1.5}}
.nn table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}
.nn th,.nn td{{padding:3px 12px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule);
color:var(--ink);background:none;white-space:nowrap}}
.nn td.long{{white-space:normal;min-width:32ch}}
.nn th{{font-weight:600;color:var(--soft)}}.nn td.n,.nn th.n{{text-align:right}}
.nn figure{{margin:0}}.nn figcaption{{margin:0 0 4px;color:var(--soft)}}.nn figcaption b{{color:var(--ink)}}
"""


def notebook(content: str, width: int = 460) -> str:
    """HTML for the output of a notebook cell: `content` and its style, at most this many pixels wide."""
    box = f"max-width:{width}px;padding:8px;overflow-x:auto"
    return f'<div class="nn" style="{box}"><style>{STYLE}</style>{content}</div>'


@dataclass(frozen=True)
class Chart:
    """An SVG chart for a page or a notebook; it needs `charts.STYLE` around it.

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
        """The chart as an element of a page."""
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
        """The chart with its caption."""
        note = f" {escape(self.note)}" if self.note else ""
        return f"<figure><figcaption><b>{escape(self.title)}</b>{note}</figcaption>{self.svg()}</figure>"

    def _repr_html_(self) -> str:
        return notebook(self.figure())
