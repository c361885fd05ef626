"""docs/errors.md: every message on the page is made by what provokes it here, and every provocation is on the page.

To add a row: add a provocation to `PROVOCATIONS`, under the heading of its section, and run this file as a script; it
prints the message, ready for the table.
"""

import gzip
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nnlite.data import Csv, Data, Dialect, Npz, Split, Table, read_idx, read_table_file
from nnlite.errors import NNLiteError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
GOOD = "a,b,t\n1,x,0\n2,y,1\n"


def text(content: str | bytes, column: str | None = None, **dialect) -> Callable:
    """Provokes by a text file, or by one of its columns read as numbers."""

    def provoke() -> None:
        Path("t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        table = Table.read("t.csv", dialect)
        if column is not None:
            table.numbers(column)

    return provoke


def source(content: str = GOOD, **arguments) -> Callable:
    """Provokes by a source of a classification."""

    def provoke() -> None:
        Path("t.csv").write_text(content)
        Data(Csv(**{"path": "t.csv", "target": "t", **arguments}), Split(0, 0)).prepare("sparse", seed=0)

    return provoke


def content(name: str, written: bytes, read: Callable) -> Callable:
    """Provokes by a file of these bytes."""

    def provoke() -> None:
        Path(name).write_bytes(written)
        read(name)

    return provoke


# Section of the page -> what provokes each of its messages, in the order of the page.
PROVOCATIONS: dict[str, list[Callable]] = {
    "Files": [
        lambda: Csv("no.csv", "t").located("/"),
        text(""),
        text("a,b\n"),
        text(b"a,b\n1,\0\n"),
        text("<!DOCTYPE html><p>not found</p>"),
        text(b"PAR1....PAR1"),
        text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        text(gzip.compress(GOOD.encode(), mtime=0)[:-9]),
        text("a,b\n\u00e9,\u00fc\n".encode() + b"\xe9,1\n"),
        text("a,b\n\u00e9,1\n".encode("cp1252"), encoding="utf-8"),
        content("t.jsonl", b'{"a": 1}\n{"a": }\n', read_table_file),
        content("t.npz", b"text", lambda name: Npz(name).load("sparse")),
        content("t.idx", b"text", read_idx),
    ],
    "Rows and quotation marks": [
        text("a,b,c\n1,2\n"),
        text("a,b\n1,2,3\n4,5\n"),
        text("a,b\n1,2,3\n4,5,6\n"),
        text(GOOD, delimiter=";"),
        text('a,b\n1,x\n2,"y\n3,z\n'),
        text('a,b\n1,"5" pipe"\n'),
        text('a,b,c\n1,"x,2\n3,y,4\n5,z",6\n'),
    ],
    "Cells": [
        source(drop=["a"]),
        text("n;m\n1;2\n3,5;4\n", "n", decimal="."),
        text("n;m\n1;2\n1,234;4\n", "n", decimal=".", thousands="none"),
        text("n,m\n12 kg,1\n", "n"),
        text("n,m\n$12,1\n", "n"),
        text("n,m\n12%,1\n", "n"),
        text("n,m\n(12),1\n", "n"),
        text("n,m\n12/03/2021,1\n", "n"),
        text("n,m\n12:30,1\n", "n"),
        text("n,m\nyes,1\n", "n"),
        text("n,m\n12_3,1\n", "n"),
        text("n,m\n\u221212,1\n", "n"),
        text("n,m\n\u0661\u0662,1\n", "n"),
        text("n,m\n1,1\nunknown,2\n3,3\n", "n"),
        text("n,m\n1,2\n3,4\n", "x0", header=False),
        text("n,m\n1,1\ninf,2\n", "n"),
        source("a,t\n1,0\n2,\n3,1\n"),
        source("a,b,t\n,1,0\n,2,1\n", categorical=["b"]),
    ],
    "Columns": [
        source(target="tt"),
        source("a,a,t\n1,2,0\n2,1,1\n", categorical=["a"]),
        source(drop=["a", "b"]),
        source(categorical=["b"], ordinal=["b"]),
        source(text="b", drop=["b"]),
        source("a,t\n1,0\n2,0\n"),
    ],
    "What is stated": [
        lambda: Dialect(delimiter="::"),
        lambda: Dialect(decimal=",", thousands=","),
        lambda: Dialect(encoding="utf9"),
    ],
}


def message(provoke: Callable) -> str:
    """The error that a provocation raises, in an empty folder that it calls by no name."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            provoke()
        except NNLiteError as error:
            return str(error).replace(f"{os.getcwd()}/", "").replace(f"{folder}/", "")
        finally:
            os.chdir(before)
    raise AssertionError("nothing was refused")


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    body = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("| ``")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def cell(text: str) -> str:
    """A message as it stands in the table."""
    return "`` " + text.replace("|", "\\|") + " ``"


@pytest.mark.parametrize("section", PROVOCATIONS)
def test_messages_of_the_page_are_those_that_are_raised(section):
    assert [row[0] for row in rows(section)] == [cell(message(provoke)) for provoke in PROVOCATIONS[section]]
    assert [row for row in rows(section) if len(row) != 3 or not all(row)] == [], "message, cause and remedy"


def test_every_section_is_provoked():
    assert re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == list(PROVOCATIONS)


if __name__ == "__main__":
    for section, provocations in PROVOCATIONS.items():
        print(f"\n## {section}\n\n| message | cause | what to do |\n|---|---|---|")
        for provoke in provocations:
            print(f"| {cell(message(provoke))} |  |  |")
