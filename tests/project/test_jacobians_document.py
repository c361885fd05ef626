"""docs/jacobians.md has a section and a measured row for every structured map."""

import re
from pathlib import Path

import pytest

from nnlite import jacobians
from nnlite.jacobians import Jacobian

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "jacobians.md").read_text(encoding="utf-8")
KINDS = {
    name
    for name, cls in vars(jacobians).items()
    if isinstance(cls, type) and issubclass(cls, Jacobian) and cls is not Jacobian
}


def test_every_map_has_a_section():
    found = re.findall(r"^### (\w+)$", TEXT, re.MULTILINE)
    assert sorted(found) == sorted(KINDS)
    for name, body in re.findall(r"^### (\w+)\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL):
        assert len(body.split()) >= 8, name


def test_every_map_has_a_row():
    table = TEXT.partition("<!-- table: python -m benchmarks.jacobians --write -->")[2].partition(
        "<!-- end of table -->"
    )[0]
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", table, re.MULTILINE)
    assert [name for name, _ in rows] == sorted(KINDS)
    assert {cells.count("|") for _, cells in rows} <= {4, 6}  # without and with the dense product


def test_the_script_has_an_example_of_every_map():
    pytest.importorskip("threadpoolctl")
    from benchmarks.jacobians import examples, row

    found = examples()
    assert set(found) == KINDS
    assert row("Diagonal", found["Diagonal"], 1).startswith("| `Diagonal` | (64, 64) by (64, 64) | 16 KiB | 64 MiB | ")
