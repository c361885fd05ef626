"""The gallery: every script of `examples/` is run while the site is built; sphinx-gallery shows what it printed."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["CONFIG", "picture_argument", "saved_pictures"]

PICTURE = Path(tempfile.gettempdir()) / f"picture-{os.getpid()}.png"


def picture_argument(gallery: dict[str, Any], variables: dict[str, Any]) -> list[str]:
    """The arguments of each script: some draw a picture into the file that is named."""
    PICTURE.unlink(missing_ok=True)
    return [str(PICTURE)]


def saved_pictures(block: Any, variables: dict[str, Any], gallery: dict[str, Any]) -> str:
    """Take the picture that the script has saved; sphinx-gallery's way to show figures."""
    from sphinx_gallery.scrapers import figure_rst

    if not PICTURE.exists():
        return ""
    places: Iterator[str] = variables["image_path_iterator"]
    place = next(places)
    Path(place).write_bytes(PICTURE.read_bytes())
    PICTURE.unlink()
    return figure_rst([place], gallery["src_dir"])


CONFIG = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": "keras_programs",
    "image_scrapers": ("matplotlib", "docs.building.scripts.saved_pictures"),
    "default_thumb_file": str(Path(__file__).resolve().parents[1] / "_static" / "script.svg"),
    "reset_argv": "docs.building.scripts.picture_argument",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "write_computation_times": False,
    "show_signature": False,
    "min_reported_time": 10**6,
}
