"""docs/security.md, docs/reproducibility.md, SECURITY.md: their examples run, their numbers are the code's."""

import re
from pathlib import Path

import pages
import pytest

from nnlite.data import Limits
from nnlite.data.safety.limits import FREE_EXPANSION
from nnlite.documents import includes, nodes, parse, reading, scalars
from nnlite.experiment.running.environment import DECISIVE

ROOT = Path(__file__).parents[2]
SECURITY, REPRODUCIBILITY = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("security", "reproducibility"))


@pytest.mark.parametrize("page", [SECURITY, REPRODUCIBILITY])
def test_examples_print_what_they_say(page, tmp_path):
    (code,) = pages.blocks_of("python", page)
    assert pages.run_code(code, tmp_path).split() == re.findall(r"# (True|False)$", code, re.MULTILINE) == ["True"]


def test_the_limits_of_the_page_are_the_defaults():
    (section,) = pages.blocks_of("yaml", SECURITY)
    assert parse(section, "page")[1]["data"]["limits"] == Limits().get_config()
    assert f"above {FREE_EXPANSION // 2**20} MiB" in section


def test_the_bounds_of_configs_are_those_of_the_code():
    (bounds,) = re.findall(r"^A config is text of at most.*?\n\n", SECURITY, re.DOTALL | re.MULTILINE)
    told = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", bounds)]
    assert told == [reading.BYTES // 10**6, nodes.SIZE, nodes.DEPTH, scalars.DIGITS, includes.FILES]


def test_files_that_the_pages_name_are_there():
    texts = (SECURITY, REPRODUCIBILITY, (ROOT / "SECURITY.md").read_text())
    named = {name for text in texts for name in re.findall(r"`(tests/[\w/]+\.py)`", text)}
    assert len(named) == 16 and [name for name in named if not (ROOT / name).exists()] == []
    links = {link.split("#")[0] for text in texts[:2] for link in re.findall(r"\]\(([\w./#-]+)\)", text)}
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_what_decides_last_digits_is_told():
    told = {key: key for key in ("nnlite", "threads", "processor", "instructions", "kernels")}
    told |= {"numpy": "NumPy", "blas": "matrix library", "deterministic": "set_deterministic"}
    recorded = REPRODUCIBILITY.partition("## What a run records")[2]
    assert set(told) == set(DECISIVE) and [word for word in told.values() if word not in recorded] == []
