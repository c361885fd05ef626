"""Runs a page of documentation from top to bottom, as a reader would, and compares what comes out with what it shows.

    python tests/pages.py PAGE.md            # in a folder of its own; differences are printed, and the exit code is 1
    python tests/pages.py PAGE.md --write    # outputs that differ are written into the page

| block | what happens |
|---|---|
| any, first line `# name.ext` or `// name.ext` | it is written to that file |
| `python` | it is run, in one namespace for the page |
| `python` with `>>>` | each statement is run, and its output compared with the lines below it |
| `console` | each line `$ command` is run, and its output compared with the lines below it |
| `text` | what the `python` block just above printed; nothing else may be between the two |

A block that prints has to show what. In what is shown, `...` stands for any text, runs of white space are alike, and
decimals may be off as `same` says.
"""

import argparse
import contextlib
import doctest
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n", re.MULTILINE)
SHOWN = re.compile(r"\s*```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:#|//) ([\w-]+\.\w+)\n")
DECIMAL = re.compile(r"-?\d+\.\d+(?:[eE][-+]?\d+)?")
PRINTED = r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"  # where a decimal is shown: 419.0 is printed as 419 by some
PARTS = re.compile(rf"{DECIMAL.pattern}|\.\.\.|\s+|[^\s.]|\.")
SLACK = 0.03  # of decimals that commands print
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run_page(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in a process of its own; its differences are in `stdout`."""
    alone = {"PYTHONPATH": str(ROOT), "NNLITE_KERNELS": "numpy", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "100"}
    command = [sys.executable, __file__, str(page), "--folder", str(folder)]
    return subprocess.run(command, env={**os.environ, **alone}, capture_output=True, text=True)


def same(shown: str, printed: str, slack: float | None = None) -> bool:
    """Whether the output is the one that the page shows.

    Decimals may differ by the share `slack`, for a training on another processor; without it, by one in the last digit.
    """
    pattern, decimals = "", []
    for part in PARTS.findall(shown.strip()):
        if DECIMAL.fullmatch(part):
            decimals.append(part)
            pattern += f"({PRINTED})"
        else:
            pattern += ".*?" if part == "..." else r"\s+" if part.isspace() else re.escape(part)
    match = re.fullmatch(pattern, printed.strip(), re.DOTALL)
    return match is not None and all(map(partial(_near, slack=slack), decimals, match.groups()))


def _near(shown: str, printed: str, slack: float | None) -> bool:
    expected, digits = float(shown), len(re.split("[eE]", shown)[0].partition(".")[2])
    return abs(float(printed) - expected) <= (slack * abs(expected) if slack else 1.01 * 10.0**-digits)


def run_code(code: str, folder: Path) -> str:
    """What a program of a page prints in a process of its own, which has to end well."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def promised(code: str) -> list[str]:
    """The comments behind the calls of `print` in a program: what they are to print."""
    return re.findall(r"^ *print\(.*\)  # (.*)$", code, re.MULTILINE)


def blocks(text: str) -> list[tuple[str, str]]:
    """`(language, content)` of each fenced block."""
    return BLOCK.findall(text)


def blocks_of(language: str, text: str) -> list[str]:
    """The contents of the fenced blocks in a language."""
    return [content for named, content in blocks(text) if named == language]


class Player:
    """Runs the blocks of one page in the present folder and collects the outputs that are not as it shows them.

    `differences` are `(start, end, printed)`: where the page shows an output, and what came out.
    """

    def __init__(self, text: str) -> None:
        self.text, self.names = text, {"__name__": "page"}
        self.differences: list[tuple[int, int, str]] = []

    def play(self) -> None:
        """Run all blocks, in order."""
        for match in BLOCK.finditer(self.text):
            language, content = match.groups()
            if named := NAMED.match(content):
                Path(named[1]).write_text(content, encoding="utf-8")
            elif language == "python" and ">>> " in content:
                self.statements(content, match.start(2))
            elif language == "python":
                self.program(content, match.end())
            elif language == "console":
                self.commands(content, match.start(2))

    def compare(self, start: int, end: int, printed: str, slack: float | None = None) -> None:
        if not same(self.text[start:end], printed, slack):
            self.differences.append((start, end, printed))

    def statements(self, content: str, start: int) -> None:
        runner = doctest.DocTestRunner(optionflags=OPTIONS)
        for example in doctest.DocTestParser().get_examples(content):
            output: list[str] = []
            test = doctest.DocTest([example], self.names, "page", None, 0, content)
            runner.run(test, out=output.append, clear_globs=False)
            self.names = test.globs
            if output:
                end = start + content.index(example.source) + len(example.source)
                self.differences.append((end, end + len(example.want), "".join(output)))

    def program(self, code: str, end: int) -> None:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "page", "exec"), self.names)
        shown = SHOWN.match(self.text, end)
        start, end = shown.span(1) if shown else (end, end)
        output = printed.getvalue()
        self.compare(start, end, output if shown or not output else f"\n\n```text\n{output}```")

    def commands(self, content: str, start: int) -> None:
        assert content.startswith("$ "), content
        for line in COMMAND.finditer(content):
            following = COMMAND.search(content, line.end())
            end = following.start() if following else len(content)
            self.compare(start + line.end(), start + end, output_of(shlex.split(line[1], comments=True)), SLACK)


def output_of(arguments: list[str]) -> str:
    """What a command prints: `nnlite ...`, `python FILE` or `cat FILE`."""
    printed, program = io.StringIO(), arguments[0]
    with contextlib.redirect_stdout(printed):
        if program == "nnlite":
            from nnlite.cli import main

            with contextlib.redirect_stderr(printed):
                main(arguments[1:])
        elif program == "python":
            runpy.run_path(arguments[1], run_name="__main__")
        else:
            assert program == "cat", f"pages have no command {program}"
            print(Path(arguments[1]).read_text(encoding="utf-8"), end="")
    return printed.getvalue()


def written(text: str, differences: list[tuple[int, int, str]]) -> str:
    """The page with what came out in place of what it shows."""
    for start, end, printed in reversed(differences):
        text = text[:start] + printed + text[end:]
    return text


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=lambda name: Path(name).resolve())
    parser.add_argument("--folder", help="where to run it (default: a new one)")
    parser.add_argument("--write", action="store_true", help="write the outputs into the page")
    arguments = parser.parse_args()
    player = Player(arguments.page.read_text(encoding="utf-8"))
    os.chdir(arguments.folder or tempfile.mkdtemp())
    player.play()
    if arguments.write:
        arguments.page.write_text(written(player.text, player.differences), encoding="utf-8")
        return 0
    for start, end, printed in player.differences:
        line = player.text.count("\n", 0, start) + 1
        print(f"{arguments.page.name}, line {line} shows\n{player.text[start:end]}\nbut this came out:\n{printed}")
    return 1 if player.differences else 0


if __name__ == "__main__":
    sys.exit(_main())
