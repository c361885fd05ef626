"""The page in a real browser: no error, no request, every figure drawn, readable in both themes at two widths."""

import re
import socket
import struct
import subprocess
import threading
import zlib

import numpy as np
import pytest

from nnlite.report import Report
from nnlite.report.browser import DARK, find_browser, save_png
from nnlite.report.page import POLICY

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium, Chrome or Edge on this machine")

# Runs in a copy of the page without its policy: the page itself has no script.
PROBE = """<script>
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
const drawn = [...document.querySelectorAll('svg, img')].filter(own => own.getBoundingClientRect().height > 4).length;
const all = document.querySelectorAll('svg, img').length;
const loaded = performance.getEntriesByType('resource').filter(own => !own.name.startsWith('data:')).length;
const small = [...document.querySelectorAll('figure svg')].map(own => own.getBoundingClientRect().width / 420 * 11);
document.title = JSON.stringify({wide, drawn, all, loaded, text: Math.min(...small)});
</script>"""
KINDS = ("classes", "digits", "series")


def browse(page, folder, width=1200, dark=False, task="--dump-dom"):
    options = [
        "--headless",
        "--disable-gpu",
        "--no-sandbox",
        "--enable-logging=stderr",
        f"--user-data-dir={folder}/profile",
    ]
    command = [find_browser(), *options, *([DARK] if dark else []), f"--window-size={width},900", task, page]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)


def console(result):
    return [line for line in result.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize("kind", KINDS)
def test_no_error_and_every_figure_drawn(kind, runs, tmp_path):
    page, probed = tmp_path / "page.html", tmp_path / "probed.html"
    html = Report(runs(kind)).html
    page.write_text(html, encoding="utf-8")
    probed.write_text(html.replace(POLICY, "").replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    assert console(browse(page.as_uri(), tmp_path)) == []
    if kind == KINDS[0]:  # that there is no line means something only where an error makes one
        refused = tmp_path / "refused.html"
        refused.write_text(html.replace("</body>", "<script>1</script></body>"), encoding="utf-8")
        assert console(browse(refused.as_uri(), tmp_path)) != []
    for width in (1200, 500):  # the narrowest window that a headless browser opens
        found = dict(
            re.findall(r'"(\w+)":([\d.]+)', browse(probed.as_uri(), tmp_path, width).stdout.split("</title>")[0])
        )
        assert int(found["all"]) == len(re.findall("<svg|<img", html))
        assert found["drawn"] == found["all"]
        assert found["wide"] == "0", "the page itself scrolls sideways"
        assert found["loaded"] == "0"
        assert float(found["text"]) > 9.0, "pixels of the text in charts"


def test_at_400_pixels_nothing_is_wider_than_the_page(runs, tmp_path):
    html = Report(runs("classes")).html
    inner = tmp_path / "inner.html"
    inner.write_text(html.replace(POLICY, "").replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    poll = "setTimeout(() => { document.title = document.querySelector('iframe').contentDocument.title }, 800)"
    frame = '<iframe src="inner.html" width="400" height="900" style="border:0"></iframe>'
    outer = tmp_path / "outer.html"
    outer.write_text(f"<title></title><body style='margin:0'>{frame}<script>{poll}</script>", encoding="utf-8")
    options = ["--allow-file-access-from-files", "--virtual-time-budget=3000"]
    command = [find_browser(), "--headless", "--disable-gpu", "--no-sandbox", *options, f"--user-data-dir={tmp_path}/p"]
    result = subprocess.run(
        [*command, "--dump-dom", outer.as_uri()], capture_output=True, text=True, timeout=600, check=True
    )
    found = dict(re.findall(r'"(\w+)":([\d.]+)', result.stdout.split("</title>")[0]))
    assert found["wide"] == "0"
    assert float(found["text"]) > 9.0


def test_the_page_asks_a_server_for_nothing_but_itself(runs, tmp_path):
    html = Report(runs("classes")).html.encode()
    asked, listener = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                line = connection.recv(4096).split(b"\r\n")[0]
                asked.append(line.decode())
                found = line.startswith(b"GET / ")
                head = f"HTTP/1.1 {'200 OK' if found else '404 No'}\r\nContent-Type: text/html\r\n\r\n"
                connection.sendall(head.encode() + (html if found else b""))

    threading.Thread(target=serve, daemon=True).start()
    result = browse(f"http://127.0.0.1:{listener.getsockname()[1]}/", tmp_path)
    listener.close()
    assert "Confusion matrix" in result.stdout
    requests = {line for line in asked if line}
    # The browser itself asks for an icon of the site, for any page.
    assert requests - {"GET /favicon.ico HTTP/1.1"} == {"GET / HTTP/1.1"}


def pixels(path):
    data = path.read_bytes()
    width, height, _, colour = struct.unpack(">IIBB", data[16:26])
    parts, place = [], 8
    while place < len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        parts += [data[place + 8 : place + 8 + length]] if kind == b"IDAT" else []
        place += 12 + length
    rows = np.frombuffer(zlib.decompress(b"".join(parts)), np.uint8).reshape(height, -1)
    assert colour in (2, 6)
    return width, height, rows


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_shows_the_whole_page_in_both_themes(dark, runs, tmp_path):
    path = save_png(Report(runs("xor")).html, tmp_path / "page.png", 800, dark)
    width, height, rows = pixels(path)
    assert width == 800
    assert height > 1500
    first = rows[0, 1:4]  # whatever the filter of the first line, its first pixel is as it is
    assert (first < 60).all() if dark else (first > 240).all()
