"""The report of each template in a real browser: no error, every figure drawn, and the numbers are those of the run."""

import html
import json
import re
from pathlib import Path

import pytest

from nnlite.charts.ticks import number_text
from nnlite.cli import main
from nnlite.experiment.starting import templates
from nnlite.report.browser import find_browser
from nnlite.report.page import POLICY
from tests.report.test_browser import PROBE, browse, console

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium, Chrome or Edge on this machine")
SMALLER = {"text": ["data.source.Agreement.rows=120"], "series": ["data.source.SeasonalSeries.rows=100"]}
CELL = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.DOTALL)


def cells(dom: str, section: str) -> list[list[str]]:
    """The rows of the first table in a section of the page, as a browser has it."""
    table = dom.partition(f'<section id="{section}">')[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [[html.unescape(re.sub("<[^>]*>", "", cell)).strip() for cell in CELL.findall(row)] for row in rows]


@pytest.mark.parametrize("template", sorted(templates()))
def test_the_report_of_a_template(template, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", template, "-o", "start.yaml"]) == 0
    change = ["fit.epochs=1", *SMALLER.get(template, [])]
    assert main(["train", "start.yaml", "--quiet", "--out", "run", "--set", *change]) == 0
    assert main(["report", "run"]) == 0
    page, probed = tmp_path / "run" / "report.html", tmp_path / "probed.html"
    probed.write_text(page.read_text().replace(POLICY, "").replace("</body>", f"{PROBE}</body>"))
    shown = browse(page.as_uri(), tmp_path)
    assert console(shown) == []
    title = browse(probed.as_uri(), tmp_path).stdout.split("</title>")[0]
    found = dict(re.findall(r'"(\w+)":([\d.]+)', title))
    assert int(found["all"]) > 3 and found["drawn"] == found["all"]
    assert found["wide"] == found["loaded"] == "0"
    metrics = json.loads(Path("run/metrics.json").read_text())
    table = {(row[0], row[1]): row for row in cells(shown.stdout, "metrics")[1:]}
    parts = {part: values for part, values in metrics.items() if part in ("training", "validation", "test")}
    assert len(table) == sum(map(len, parts.values()))
    for part, values in parts.items():
        for name, value in values.items():
            row = table[part, name]
            assert row[2] == number_text(value)
            assert row[-1] == number_text(metrics["baseline"][part].get(name)) or name not in metrics["baseline"][part]
