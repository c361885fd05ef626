"""CONTRIBUTING.md keeps its promises: its code runs, what it names is there, and its workflows can be read."""

import importlib.util
import re
from pathlib import Path

import pages
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CODE = pages.blocks_of("python", TEXT)


@pytest.mark.parametrize("code", CODE, ids=["op", "layer", "loss", "optimizer", "metric"])
def test_what_is_added_works(code, tmp_path):
    assert pages.run_code(code, tmp_path).splitlines() == re.findall(r"  # (.*)$", code, re.MULTILINE)


def test_every_path_that_is_named_is_there():
    paths = re.findall(r"`((?:nnlite|tests|docs|\.ci)/[\w./]*)`|\]\(([\w./]+)\)", TEXT)
    assert len(paths) > 12
    assert [path for pair in paths for path in pair if path and not (ROOT / path).exists()] == []


def test_workflows_and_forms_are_yaml():
    files = [*(ROOT / ".github").glob("*/*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"]
    assert len(files) == 6
    for path in files:
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict), path


def test_the_version_to_cite_is_that_of_the_package():
    import nnlite

    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == nnlite.__version__


def test_every_program_that_pages_name_is_there():
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/start/*.md")]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    modules = set(re.findall(r"python -m ((?:benchmarks|docs)[\w.]*\w)", texts))
    files = set(re.findall(r"(?:bash|python) ((?:\.ci|docs|tests|examples)/[\w./]*\w)", texts))
    assert len(modules) > 4 and len(files) > 4
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
    assert [name for name in files if not (ROOT / name).is_file()] == []
