"""SVG and HTML elements as strings."""

from html import escape

__all__ = ["element", "shortened", "text_width", "tooltip", "written"]

# Pixels that characters of a chart's text take: fonts differ, these are those of a wide one.
NARROW, WIDE = frozenset(" .,;:'!|()[]/ijlftrI-"), frozenset("mwMW@%_<>=")
WIDTHS = {"narrow": 4.3, "wide": 9.8, "capital": 8.0, "other": 7.0}


def written(value: object) -> str:
    """An attribute as a string: numbers with one decimal, a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))


def element(tag: str, *content: str, **attributes: object) -> str:
    """`<tag name="value">content</tag>`; the content is markup already, attributes are escaped.

    An attribute `stroke_width` is written `stroke-width`, `class_` is `class`; one that is None is left out.
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{written(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(content)
    return f"<{tag}{named}>{inside}</{tag}>" if inside else f"<{tag}{named}/>"


def tooltip(text: str) -> str:
    """Text shown when the mouse is over the enclosing element."""
    return element("title", escape(text))


def text_width(text: str) -> float:
    """Approximate width of `text` in a chart, in pixels."""
    kinds = ("narrow" if c in NARROW else "wide" if c in WIDE else "capital" if c.isupper() else "other" for c in text)
    return sum(WIDTHS[kind] for kind in kinds)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, ending in an ellipsis if the text was cut."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
