"""The built site by itself: no page asks another machine for anything, and no link within the site leads nowhere."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["Checked", "check_site"]

# Element -> attribute by which a browser loads something with the page.
LOADED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "input": "src", "link": "href", "object": "data",
    "script": "src", "source": "src", "track": "src", "video": "src",
}  # fmt: skip
SILENT_LINKS = {"canonical", "index", "search", "next", "prev", "author", "copyright", "license"}
IN_STYLES = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


@dataclass
class Checked:
    """What was found: pages, links, and per page what is loaded from elsewhere or leads nowhere."""

    pages: int = 0
    links: int = 0
    outside: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Anchors, links and what is loaded, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what one element names, links to or loads."""
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if LOADED.get(tag) in given and given.get("rel") not in SILENT_LINKS:
            self.loaded.append(given[LOADED[tag]])
        self.loaded += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        self.loaded += _in_style(given.get("style", ""))

    def handle_data(self, data: str) -> None:
        """Styles in the page may load pictures and fonts."""
        if self.cdata_elem == "style":
            self.loaded += _in_style(data)


def _in_style(text: str) -> Iterator[str]:
    return (first or second for first, second in IN_STYLES.findall(text))


def check_site(site: Path) -> Checked:
    """Read every page and style sheet of a built site."""
    checked = Checked()

    @functools.cache
    def page(path: Path) -> Page:
        return Page(path.read_text(encoding="utf-8"))

    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site)
        checked.pages += 1
        checked.outside += [f"{name}: {target}" for target in page(path).loaded if _is_outside(target)]
        inside = [*page(path).links, *page(path).loaded]
        for target in (target for target in inside if not _is_outside(target)):
            checked.links += 1
            split = urlsplit(target)
            aim = (path.parent / unquote(split.path)).resolve() if split.path else path
            if not aim.is_file() or (aim.suffix == ".html" and unquote(split.fragment) not in page(aim).anchors):
                checked.dead.append(f"{name}: {target}")
    for path in sorted(site.rglob("*.css")):
        loaded = [target for target in _in_style(path.read_text(encoding="utf-8")) if not target.startswith("data:")]
        checked.outside += [f"{path.relative_to(site)}: {target}" for target in loaded if _is_outside(target)]
        missing = [target for target in loaded if not (path.parent / target.split("#")[0].split("?")[0]).exists()]
        checked.dead += [f"{path.relative_to(site)}: {target}" for target in missing if not _is_outside(target)]
    return checked


def _is_outside(target: str) -> bool:
    return bool(re.match(r"(?!data:)[a-z][a-z+.-]*:|//", target))
