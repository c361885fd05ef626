"""What pages link to outside of `docs/`: pages of the repository's root, and examples, have a place in the site."""

import os
import re
from pathlib import Path, PurePosixPath

__all__ = ["relink", "write_project_pages"]

ROOT = Path(__file__).resolve().parents[2]
# Path from the root of the repository -> page of the site.
PLACES = {
    "CHANGELOG.md": "docs/project/changes.md",
    "CONTRIBUTING.md": "docs/project/contributing.md",
    "README.md": "docs/index.rst",
    "SECURITY.md": "docs/project/security_policy.md",
    "examples": "docs/gallery/index.rst",
}
LINK = re.compile(r"(\]\()([\w./-]+)((?:#[\w-]*)?\))")


def relink(text: str, before: str, after: str) -> str:
    """Markdown of the file `before`, whose links are to be right where it stands as `after`; paths from the root."""

    def moved(link: re.Match) -> str:
        return f"{link[1]}{_moved(link[2], before, after)}{link[3]}"

    return LINK.sub(moved, text)


def _moved(target: str, before: str, after: str) -> str:
    path = os.path.normpath(PurePosixPath(before).parent / target).replace(os.sep, "/")
    if (ROOT / path).exists() or path in PLACES:
        return os.path.relpath(_place(path), PurePosixPath(after).parent).replace(os.sep, "/")
    return target


def _place(path: str) -> str:
    if re.fullmatch(r"examples/(\w+/)?\w+\.py", path) and "keras_programs" not in path:
        return f"docs/gallery/{path.removeprefix('examples/').removesuffix('.py')}.rst"
    return PLACES.get(path, path)


def write_project_pages(folder: Path) -> None:
    """Pages of the repository's root, such as its changes, as pages of the site."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, place in PLACES.items():
        if place.startswith("docs/project/"):
            text = relink((ROOT / path).read_text(encoding="utf-8"), path, place)
            (folder / PurePosixPath(place).name).write_text(text, encoding="utf-8")
