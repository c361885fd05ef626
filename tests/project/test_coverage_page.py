"""docs/coverage.md has the rooms, and the whole is not below the limit that CONTRIBUTING states."""

import importlib.util
import pkgutil
import re
from pathlib import Path

import nnlite

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\S+|single modules) \| ([\d,]+) \| ([\d.]+) \|$", re.MULTILINE)

spec = importlib.util.spec_from_file_location("coverage_table", ROOT / ".ci" / "coverage_table.py")
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)


def test_rooms_are_measured_and_the_whole_is_above_the_limit():
    measured = {room: float(share) for room, _, share in ROW.findall(PAGE)}
    rooms = {f"{module.name}/" for module in pkgutil.iter_modules(nnlite.__path__) if module.ispkg}
    assert set(measured) <= {*rooms, "single modules", "all"}  # one that came since is not measured yet
    assert len(rooms - set(measured)) <= 3
    assert measured["all"] >= table.LIMIT
    assert f"below {table.LIMIT:.0f} %" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_the_page_names_command_and_commit():
    assert re.search(r"`pytest --cov[^`]*` on commit `[0-9a-f]{7,}`", PAGE)


def test_shares_are_of_rooms_and_of_all():
    counted = {"covered_lines": 3, "covered_branches": 1, "num_statements": 4, "num_branches": 4}
    empty = {"covered_lines": 0, "covered_branches": 0, "num_statements": 2, "num_branches": 0}
    files = {"nnlite/ops/base.py": {"summary": counted}, "/x/nnlite/tree.py": {"summary": empty}}
    rooms = table.shares(files)
    assert rooms == {"all": (4, 10), "ops/": (4, 8), "single modules": (0, 2)}
    assert "| ops/ | 8 | 50.0 |" in table.page(rooms, "pytest --cov", "0123abc")
