"""docs/data.md: its examples give what the page shows, and its tables name what there is."""

import doctest
import re
from pathlib import Path

import pages
from registered import registered

from nnlite import documents
from nnlite.data import DataSource, Dialect
from nnlite.data.files.marks import EVERYWHERE, IN_NUMBERS
from nnlite.registry import constructor_parameters

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "data.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=options, encoding="utf-8")
    assert tried > 20
    assert failed == 0


def test_configs():
    blocks = pages.blocks_of("yaml", TEXT)
    assert blocks
    for block in blocks:
        DataSource.get(documents.parse(block, PAGE.name)[1]["data"]["source"])


def test_tables_are_complete():
    rows = re.findall(r"^\| (`.*?`) \|.*\|.*\|$", TEXT, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    of_files = {"path", "inputs"}  # the arguments that name a file
    sources = {name for name, cls in registered(DataSource).items() if of_files & set(constructor_parameters(cls))}
    assert named == set(constructor_parameters(Dialect)) | sources - {"Inline"}


def test_marks_are_listed():
    paragraph = TEXT.partition("## Missing values")[2].partition("`-999`")[0]
    listed = {mark.lower() for mark in re.findall(r"`([^`]+)`", paragraph)}
    assert listed == {*EVERYWHERE, *IN_NUMBERS} - {"", "-nan"}
