"""Screenshots of a page by an installed browser."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from nnlite.errors import NNLiteError
from nnlite.report.page import POLICY

__all__ = ["BrowserError", "find_browser", "save_png"]

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
SECONDS = 90
TALLEST = 16_000  # pixels; taller pictures are more than browsers paint
MEASURE = "<script>document.title='height '+document.documentElement.scrollHeight</script>"
DARK = "--blink-settings=preferredColorScheme=0"


class BrowserError(NNLiteError):
    """No browser for screenshots is installed, or it failed."""

    exit_code = 3


def find_browser() -> str | None:
    """The path of a Chromium, Chrome or Edge; None if there is none."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def save_png(html: str, path: str | Path, width: int = 1200, dark: bool = False) -> Path:
    """Write a screenshot of the whole page.

    Args:
        html: the page.
        path: of the picture.
        width: in pixels.
        dark: in dark colors.

    Raises:
        BrowserError: there is no browser, or it wrote no picture.
    """
    path = Path(path).absolute()
    with tempfile.TemporaryDirectory() as folder:
        measured, shown = Path(folder, "measured.html"), Path(folder, "shown.html")
        # The page itself runs no script; a copy without its policy does, which says how tall the page is.
        measured.write_text(html.replace(POLICY, "").replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
        shown.write_text(html, encoding="utf-8")
        match = re.search(r"<title>height (\d+)", _run(measured, folder, width, 800, dark, "--dump-dom"))
        height = min(int(match[1]) if match else TALLEST, TALLEST)
        path.unlink(missing_ok=True)
        _run(shown, folder, width, height, dark, f"--screenshot={path}")
    if not path.is_file():
        raise BrowserError(f"{find_browser()} wrote no picture {path}")
    return path


def _run(page: Path, folder: str, width: int, height: int, dark: bool, task: str) -> str:
    """Output of the browser."""
    browser = find_browser()
    if browser is None:
        raise BrowserError(
            "a picture of the report is taken by a browser, and no Chromium, Chrome or Edge is found: install one, or "
            "open the report in another browser and print it"
        )
    options = ["--headless", "--disable-gpu", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
    command = [browser, *options, *([DARK] if dark else []), f"--window-size={width},{height}", task, page.as_uri()]
    try:
        return subprocess.run(command, capture_output=True, timeout=SECONDS, check=True, text=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BrowserError(f"{browser} failed: {error}") from None
