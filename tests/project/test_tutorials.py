"""Tutorials and migration pages: each page runs from top to bottom, and shows what comes out."""

import re
from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("tutorials/*.md")), *sorted(DOCS.glob("migrating/*.md"))]
NAMES = [path.relative_to(DOCS).as_posix() for path in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_page_runs(page, tmp_path):
    if re.search(r"^import pandas|as_frame", page.read_text(encoding="utf-8"), re.MULTILINE):
        pytest.importorskip("pandas")
    done = pages.run_page(page, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_that_are_linked_exist(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    linked = re.findall(r"\]\((?!https?://)([^)#]+)", text)
    assert linked
    assert [name for name in linked if not (page.parent / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_page_begins_with_its_title(page):
    assert page.read_text(encoding="utf-8").startswith("# ")


RIGHT = """# A page

```python
print(1 / 3)
```

```text
0.333...
```

```python
>>> 1 + 1
2

```

```text
// notes.txt
hello
```

```console
$ cat notes.txt
// notes.txt
hello
```
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("0.333...", "0.335"),
        (">>> 1 + 1\n2", ">>> 1 + 1\n3"),
        ("$ cat notes.txt\n// notes.txt\nhello", "$ cat notes.txt\n// notes.txt\nbye"),
        ("```text\n0.333...\n```\n", ""),
        ("print(1 / 3)", "print(missing)"),
    ],
)
def test_what_is_shown_is_compared(right, wrong, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(RIGHT)
    assert pages.run_page(page, tmp_path).returncode == 0
    page.write_text(RIGHT.replace(right, wrong))
    assert pages.run_page(page, tmp_path).returncode != 0


def test_decimals_may_differ_in_the_last_digit_alone():
    assert pages.same("loss 0.1914", "loss 0.1915")
    assert not pages.same("loss 0.1914", "loss 0.1916")
    assert pages.same("loss 0.1914", "loss 0.1930", slack=0.03)
    assert not pages.same("loss 0.1914", "loss 0.2", slack=0.03)
    assert not pages.same("loss 0.1914", "gain 0.1914")


def test_outputs_are_written_into_the_page():
    player = pages.Player("```python\nprint(2)\n```\n\n```text\n1\n```\n\n```python\nprint(3)\n```\n")
    player.play()
    text = pages.written(player.text, player.differences)
    assert text == "```python\nprint(2)\n```\n\n```text\n2\n```\n\n```python\nprint(3)\n```\n\n```text\n3\n```\n"
