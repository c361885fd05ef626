"""docs/export.md keeps its promises: its code runs, and its lists are those of the code."""

import re
from pathlib import Path

import pages
import pytest

from nnlite.inference.exports.c_headers import FORMULAS
from nnlite.inference.exports.onnx_files import OPSET
from nnlite.inference.exports.python_files import INSIDE_UP_TO
from nnlite.models.exporting import FORMATS
from nnlite.ops.activations import ActivationFunction

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
CODE = pages.blocks_of("python", TEXT)


@pytest.mark.parametrize("code", CODE, ids=["pipelines", "python file"])
def test_the_code_prints_what_it_says(code, tmp_path):
    if "skl2onnx" in code:
        pytest.importorskip("skl2onnx")
    assert pages.run_code(code, tmp_path).splitlines() == re.findall(r"  # (.*)$", code, re.MULTILINE)


def test_the_endings_are_those_there_are():
    assert set(re.findall(r"^\| `(\.\w+)` \|", TEXT, re.MULTILINE)) == set(FORMATS.values())


def test_the_numbers_of_the_page_are_those_of_the_code():
    told = re.search(r"ONNX, opset (\d+).*weights inside up to (\d+) MB", TEXT, re.DOTALL).groups()
    assert [int(number) for number in told] == [OPSET, INSIDE_UP_TO // 10**6]


def test_activations_of_the_header():
    listed = re.search(r"Activations:\s(.*?)\.\n", TEXT, re.DOTALL).group(1).replace(" and ", " ")
    names = {type(ActivationFunction.get(name)).__name__ for name in listed.replace(",", " ").split()}
    assert names == {*(function.__name__ for function in FORMULAS), "Softmax"}
