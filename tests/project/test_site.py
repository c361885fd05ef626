"""The site: every public name has an entry, no page asks another machine for anything, no link leads nowhere.

What needs the built site looks for its folder in NNLITE_SITE, as `.ci/run` builds it once:
`python -m docs.build && NNLITE_SITE=build/site pytest tests/project/test_site.py`.
"""

import functools
import http.server
import importlib
import inspect
import json
import os
import pkgutil
import re
import subprocess
import threading
import types
from pathlib import Path

import pytest

import nnlite
from docs.building.docstrings import convert, inline, public_bases
from docs.building.links import check_site
from docs.building.names import HEADINGS, NAMELESS, all_names, entries, pages
from docs.building.outside import relink
from docs.building.reference import write_reference
from nnlite.layers import Conv2D, Layer
from nnlite.report.browser import DARK, find_browser

ROOT = Path(__file__).parents[2]


def importable(room):
    """What `from nnlite.room import *` would give, of nnlite itself."""
    module = importlib.import_module(f"nnlite.{room}")
    names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
    values = {name: getattr(module, name) for name in names if not isinstance(getattr(module, name), types.ModuleType)}
    return {name for name, value in values.items() if inspect.getmodule(value) is not None and _is_of(module, value)}


def _is_of(module, value):
    home = inspect.getmodule(value).__name__
    return home == module.__name__ or (hasattr(module, "__path__") and home.startswith(f"{module.__name__}."))


def test_every_room_is_in_the_reference():
    rooms = {module.name for module in pkgutil.iter_modules(nnlite.__path__)} - {"__main__"}
    listed = [room for rooms in HEADINGS.values() for room in rooms]
    assert len(listed) == len(set(listed))
    assert {*listed, *NAMELESS} == rooms
    assert [importable(room) for room in NAMELESS] == [set()]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    write_reference(folder)
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def described_in(reference):
    """Path -> how often a page describes it."""
    counts = {}
    for text in reference.values():
        room = re.search(r"currentmodule:: (\S+)", text)
        for kind, name in (
            re.findall(r"^\.\. (auto|py:)(?:class|function|exception|data):: (\S+)", text, re.MULTILINE) or []
        ):
            path = name if kind == "auto" else f"{room[1]}.{name}"
            counts[path] = counts.get(path, 0) + 1
    return counts


def test_every_public_name_has_one_entry(reference):
    counts = described_in(reference)
    assert {name: number for name, number in counts.items() if number != 1} == {}
    for room in (room for rooms in HEADINGS.values() for room in rooms):
        assert [name for name in importable(room) if f"nnlite.{room}.{name}" not in counts] == []
    assert [name for name in nnlite.__all__ if name != "__version__" and f"nnlite.{name}" not in counts] == []
    assert counts["nnlite.datasets.mnist.load_data"] == counts["nnlite.layers.Convolution2D"] == 1


def test_an_object_is_described_where_it_is_at_home():
    described = entries(all_names(pages()))
    assert described["nnlite.Sequential"] == "nnlite.models.Sequential"
    assert described["nnlite.layers.Convolution2D"] == "nnlite.layers.Conv2D"
    assert described["nnlite.optimizers.CosineDecay"] == "nnlite.schedules.CosineDecay"
    assert described["nnlite.saving.load_model"] == "nnlite.models.load_model"


def test_reference_pages_are_left_where_they_would_not_change(tmp_path):
    (tmp_path / "gone.rst").write_text("a room that was")
    write_reference(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write_reference(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert tmp_path / "gone.rst" not in before


def test_text_of_docstrings_stays_as_it_is_written():
    assert inline("a * b, x_, |d|") == r"a \* b, x\_, \|d\|"
    assert inline("`inputs @ kernel` by `Dense`") == "``inputs @ kernel`` by :py:obj:`Dense <nnlite.layers.Dense>`"
    assert inline("`Dense`s") == r":py:obj:`Dense <nnlite.layers.Dense>`\ s"


def test_docstrings_have_the_arguments_that_they_inherit():
    lines = inspect.getdoc(Conv2D).split("\n")
    convert(None, "class", "nnlite.layers.Conv2D", Conv2D, None, lines)
    text = "\n".join(lines)
    arguments = re.findall(r"^    (\w[\w, ]*): ", text, re.MULTILINE)
    named = {name.strip() for argument in arguments for name in argument.split(",")}
    assert set(inspect.signature(Conv2D).parameters) - {"activity_regularizer"} <= named
    assert ">>> " in text or ">>>" not in Conv2D.__doc__


def test_bases_are_public_ones():
    bases = list(Conv2D.__bases__)
    public_bases(None, "nnlite.layers.Conv2D", Conv2D, None, bases)
    assert bases == [Layer]
    public_bases(None, "", int, None, bases := [object])
    assert bases == [object]


def test_several_results_are_a_list():
    lines = ["What it does.", "", "Returns:", "    first: one, `(n,)`.", "    second: two."]
    convert(None, "function", "f", len, None, lines)
    assert lines[2:] == ["Results:", "    first: one, ``(n,)``.", "    second: two."]


def test_links_to_files_outside_have_a_place_in_the_site():
    assert relink("[a](../SECURITY.md)", "docs/security.md", "docs/security.md") == "[a](project/security_policy.md)"
    assert relink("[a](docs/keras.md#b)", "CHANGELOG.md", "docs/project/changes.md") == "[a](../keras.md#b)"
    script = relink("[a](../../examples/forecast.py)", "docs/tutorials/a.md", "docs/tutorials/a.md")
    assert script == "[a](../gallery/forecast.rst)"
    for same in ("[a](data.md)", "[a](https://b.c/d)", "[a](#b)", "[a](../configs/xor.yaml)"):
        assert relink(same, "docs/config.md", "docs/config.md") == same


def test_wrong_links_are_seen(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.html").write_text("<p id='here'>")
    (tmp_path / "s.css").write_text("@import 'https://a.b/c.css'; p {background: url(gone.png)} a {src: url(data:x)}")
    good = "<a href='b/c.html#here'></a><a href='https://a.b/c'></a><a href='#top'></a><link rel=stylesheet href=s.css>"
    bad = "<a href='b/c.html#there'></a><img src='none.png'><script src='//cdn/x.js'></script><a href='d.html'></a>"
    (tmp_path / "a.html").write_text(f"{good}{bad}<style>p {{ background: url(http://a.b/p.png) }}</style>")
    checked = check_site(tmp_path)
    assert checked.pages == 2
    assert checked.outside == ["a.html: //cdn/x.js", "a.html: http://a.b/p.png", "s.css: https://a.b/c.css"]
    assert checked.dead == ["a.html: b/c.html#there", "a.html: d.html", "a.html: none.png", "s.css: gone.png"]


@pytest.fixture(scope="module")
def site():
    if "NNLITE_SITE" not in os.environ:
        pytest.skip("NNLITE_SITE names no built site")
    return Path(os.environ["NNLITE_SITE"]).resolve()


def test_every_public_name_has_an_anchor(site):
    anchors = {}
    for page in site.glob("api/*.html"):
        anchors |= dict.fromkeys(re.findall(r'<dt class="sig[^>]* id="(nnlite[\w.]*)"', page.read_text("utf-8")), page)
    assert sorted({name.path for name in all_names(pages())} - anchors.keys()) == []


def test_no_outside_request_and_no_dead_link(site):
    checked = check_site(site)
    assert checked.pages > 100 and checked.links > 10_000
    assert checked.outside == []
    assert checked.dead == []


def test_every_example_was_run(site):
    scripts = {*(ROOT / "examples").glob("*.py"), *(ROOT / "examples" / "pictures").glob("*.py")}
    for script in scripts:
        page = site / "gallery" / script.relative_to(ROOT / "examples").with_suffix(".html")
        text = page.read_text(encoding="utf-8")
        assert "sphx-glr-script-out" in text or "sphx-glr-single-img" in text, script.name
        if script.parent.name == "pictures":
            assert "<img" in text, script.name


def test_the_report_is_a_page(site):
    assert "<svg" in (site / "live" / "breast_cancer.html").read_text(encoding="utf-8")


# Appended to each page that the server below hands out: what the page loaded, and what it looks like.
PROBE = """<script>addEventListener('load', () => setTimeout(() => {
const loaded = performance.getEntriesByType('resource').map(entry => entry.name);
const root = document.documentElement;
document.title = JSON.stringify({loaded, wide: root.scrollWidth - root.clientWidth,
  formulas: document.querySelectorAll('.katex').length, failed: document.querySelectorAll('.katex-error').length,
  results: document.querySelectorAll('#search-results li').length,
  dark: getComputedStyle(document.body).backgroundColor}); }, 1500))</script>"""
PAGES = (
    "index.html",
    "jacobians.html",
    "api/layers.core.html",
    "gallery/wrong_labels.html",
    "start/live_report.html",
    "search.html?q=convolution",
)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the site; pages get the probe."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix != ".html" or not path.is_file():
            super().do_GET()
            return
        body = path.read_bytes() + (b"" if "live/" in self.path else PROBE.encode())
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.mark.skipif(find_browser() is None, reason="no Chromium, Chrome or Edge on this machine")
@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (500, False), (500, True)])
@pytest.mark.parametrize("page", PAGES)
def test_pages_in_a_browser(page, width, dark, address, tmp_path):
    options = ["--headless", "--disable-gpu", "--no-sandbox", "--enable-logging=stderr", "--virtual-time-budget=8000"]
    theme = [DARK] if dark else []
    command = [find_browser(), *options, *theme, f"--user-data-dir={tmp_path}", f"--window-size={width},900"]
    done = subprocess.run(
        [*command, "--dump-dom", f"{address}/{page}"], capture_output=True, text=True, timeout=600, check=True
    )
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    seen = json.loads(re.search(r"<title>(\{.*?\})</title>", done.stdout)[1].replace("&amp;", "&"))
    assert [name for name in seen["loaded"] if not name.startswith((address, "data:"))] == []
    assert seen["loaded"] and seen["wide"] == 0, "the page itself scrolls sideways"
    assert seen["failed"] == 0 and (seen["formulas"] > 20 or page != "jacobians.html")
    assert seen["results"] > 5 or not page.startswith("search")
    red = int(re.search(r"\d+", seen["dark"])[0])
    assert red < 60 if dark else red > 240
