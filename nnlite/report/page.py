"""The page: a single file without scripts or external fonts, images and styles."""

import abc
import functools
from collections.abc import Iterable
from html import escape
from pathlib import Path

from nnlite.charts import STYLE, Chart, number_text
from nnlite.saving import write_text

__all__ = ["FolderPage", "cell", "details", "figures", "joined", "notice", "number_cell", "page", "section", "wide"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

PAGE_STYLE = """
*{box-sizing:border-box}body{margin:0}
.nn main,.nn header,.nn footer{max-width:1240px;margin:0 auto;padding:0 16px}
.nn h1{font-size:24px;margin:20px 0 4px;overflow-wrap:anywhere}.nn h2{font-size:18px;margin:36px 0 10px;
padding-top:10px;border-top:1px solid var(--rule)}.nn h3{font-size:14px;margin:18px 0 6px}
.nn p{margin:6px 0;max-width:78ch}
.nn .q{color:var(--soft)}.nn nav{display:flex;flex-wrap:wrap;gap:2px 14px;margin:10px 0}.nn a{color:var(--c0)}
.nn .f{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,350px),1fr));gap:22px 26px;align-items:start;
margin:10px 0}.nn .f>*{min-width:0;max-width:560px}
.nn .t{overflow-x:auto;margin:8px 0}.nn td svg{width:110px}
.nn pre{background:var(--band);padding:10px 12px;overflow-x:auto;font-size:12.5px;line-height:1.45;margin:8px 0}
.nn .x{border-left:4px solid var(--c1);background:var(--band);padding:8px 12px;margin:10px 0}
.nn summary{cursor:pointer;margin:8px 0}.nn .u{display:flex;flex-wrap:wrap;gap:12px}.nn .u figure{width:96px}
.nn .u img{width:96px;height:auto;image-rendering:pixelated;border:1px solid var(--rule);display:block}
.nn .u figcaption{font-size:12px;line-height:1.3;margin-top:3px;overflow-wrap:anywhere}
.nn img.y{width:100%;max-width:280px;image-rendering:pixelated;border:1px solid var(--rule)}
.nn .k4{display:flex;flex-wrap:wrap;gap:6px 28px;margin:10px 0}.nn .k4 div{min-width:0}
.nn .k4 b{display:block;font-size:20px}
.nn footer{color:var(--soft);margin:40px auto 24px;font-size:13px}
@media (max-width:520px){.nn th,.nn td{padding-right:8px;font-size:13px}.nn h1{font-size:20px}}
@media print{.nn h2{break-after:avoid}.nn figure,.nn tr{break-inside:avoid}.nn nav{display:none}
.nn pre{white-space:pre-wrap}
.nn .f{grid-template-columns:repeat(2,1fr)}}
"""


class FolderPage(abc.ABC):
    """A page about a folder, which a notebook shows and `save` writes.

    Args:
        folder: what it is about.
        title: of the page.
    """

    def __init__(self, folder: Path, title: str) -> None:
        self.folder, self.title = folder, title

    @abc.abstractmethod
    def _content(self) -> str:
        """Contents of the page."""

    @functools.cached_property
    def content(self) -> str:
        """The page without its head: what a notebook shows."""
        return self._content()

    @functools.cached_property
    def html(self) -> str:
        """The whole page."""
        return page(self.title, self.content)

    def save(self, path: str | Path | None = None) -> Path:
        """Write the page, to `report.html` in its folder when None; returns the path."""
        path = Path(path) if path is not None else self.folder / "report.html"
        write_text(path, self.html)
        return path

    def __repr__(self) -> str:
        return f"{type(self).__name__}(of {self.folder})"

    def _repr_html_(self) -> str:
        return cell(self.content)


def page(title: str, content: str) -> str:
    """A whole HTML document around `content`, which cannot load anything or run a script."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="color-scheme" content="light dark"><title>{escape(title)}</title>'
        f'<style>{STYLE}{PAGE_STYLE}</style></head>\n<body class="nn">\n{content}\n</body></html>\n'
    )


def cell(content: str) -> str:
    """The content of a page for the output of a notebook cell, with its style."""
    return f'<div class="nn" style="padding:8px"><style>{STYLE}{PAGE_STYLE}</style>{content}</div>'


def section(name: str, title: str, *content: str) -> str:
    """A part of the page with a linkable heading; empty if there is no content."""
    inside = "\n".join(filter(None, content))
    return f'<section id="{name}"><h2>{escape(title)}</h2>\n{inside}</section>' if inside else ""


def figures(*charts: Chart | str | None) -> str:
    """Charts side by side, as many as fit the width."""
    shown = [chart.figure() if isinstance(chart, Chart) else chart for chart in charts if chart]
    return f'<div class="f">{"".join(shown)}</div>' if shown else ""


def notice(text: str, loud: bool = False) -> str:
    """A paragraph; a loud one stands out."""
    return f'<p class="{"x" if loud else "q"}">{escape(text)}</p>'


def details(summary: str, content: str) -> str:
    """Content that expands on click."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def number_cell(value: float | None) -> str:
    """A number formatted for readers, with the exact one in its `value`."""
    return number_text(value) if value is None else f'<data value="{value!r}">{number_text(value)}</data>'


def wide(table: str) -> str:
    """A table that scrolls on its own if it is wider than the page."""
    return f'<div class="t">{table}</div>'


def joined(parts: Iterable[str]) -> str:
    """Parts that are not empty, one below the other."""
    return "\n".join(filter(None, parts))
