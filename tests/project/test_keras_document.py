"""docs/keras.md is what introspection of Keras and nnlite gives; each absent name has a reason."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(name):
    """A script of docs as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_whole():
    text = (ROOT / "docs" / "keras.md").read_text(encoding="utf-8")
    for family in script("keras_table").FAMILIES:
        assert f"\n## {family}\n" in text
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|$", text, re.MULTILINE)
    assert len(rows) > 700
    assert {verdict for _, verdict, _ in rows} == {"same", "differs", "absent"}
    assert [name for name, verdict, note in rows if verdict != "same" and not note] == []


def test_the_page_is_what_introspection_gives():
    pytest.importorskip("keras")
    assert (ROOT / "docs" / "keras.md").read_text(encoding="utf-8") == script("keras_table").document()


def test_the_signatures_are_those_of_keras():
    pytest.importorskip("keras")
    signatures = script("keras_signatures")
    assert signatures.TARGET.read_text(encoding="utf-8") == signatures.text(signatures.signatures())


def test_what_counts_as_a_difference():
    table = script("keras_table")
    found = table.differences(lambda a, b=1, c=None: 0, lambda a, b=2: 0)
    assert found == ["`b=2`, in Keras 1", "no `c`"]
    assert table.differences(lambda a="glorot_uniform": 0, lambda a="GlorotUniform": 0) == []
    assert table.reason_for("datasets", "boston_housing") and table.reason_for("layers", "Dense") == "not written yet"
