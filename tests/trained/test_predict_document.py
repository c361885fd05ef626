"""docs/predict.md keeps its promises: its examples run, in order, and its options are those of the command."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from nnlite.cli import main

DOCUMENT = Path(__file__).parents[2] / "docs" / "predict.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def test_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for number, (language, code) in enumerate(BLOCKS):
        if language == "yaml":
            Path(code.splitlines()[0].removeprefix("# ")).write_text(code)
        elif language == "sh":
            for line in code.splitlines():
                assert main(shlex.split(line)[1:]) == 0, line
        else:
            test = doctest.DocTestParser().get_doctest(code, names, f"block {number}", str(DOCUMENT), 0)
            output: list[str] = []
            assert runner.run(test, out=output.append, clear_globs=False).failed == 0, "".join(output)
            names = test.globs
    assert {language for language, _ in BLOCKS} == {"python", "yaml", "sh"}


def test_options_are_those_of_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    shown = capsys.readouterr().out
    named = set(re.findall(r"--[a-z][a-z-]+", TEXT.split("| `nnlite predict RUN INPUT` | |")[1].split("\n\n")[0]))
    assert named and all(option in shown for option in named)
    assert set(re.findall(r"--[a-z][a-z-]+", shown)) - named <= {"--help", "--out", "--proba"}
