"""Writes the table of numbers in README.md, out of the tables that the benchmarks wrote into docs/.

python docs/readme_numbers.py            # after `python -m benchmarks run --docs`, or its tabular part
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- begin numbers -->\n", "<!-- end numbers -->"
NET = "13-64-64-1"
STEP, ONE_ROW = f"{NET}, batch 32", f"predict 1 row, {NET}"
LARGER = "784-128-10"
LARGER_STEP = f"{LARGER}, batch 64"
DIGITS = "train scikit-learn's digits 64-128-10, batch 32, 20 epochs, seconds"
PEERS = ("PyTorch eager", "JAX jit", "Keras on JAX", "scikit-learn")


def tables(text: str) -> list[dict[str, dict[str, str]]]:
    """Each table of a page: first cell of a row -> head of a column -> cell."""
    made = []
    for head, rows in re.findall(r"^(\|.*\|)\n\|[-|]+\|\n((?:\|.*\|\n?)+)", text, re.MULTILINE):
        heads = _cells(head)
        made.append({row[0]: dict(zip(heads, row, strict=True)) for row in map(_cells, rows.splitlines())})
    return made


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def table_with(page: str, row: str, column: str) -> dict[str, dict[str, str]]:
    """The first table of the page with a row of that name and that column."""
    return next(table for table in tables(page) if row in table and column in table[row])


def with_row(page: str, row: str, column: str) -> dict[str, str]:
    """That row of that table."""
    return table_with(page, row, column)[row]


def number(cell: str) -> str:
    """`34.0 (33.8 to 34.3)` -> `34`: two digits."""
    value = float(cell.split()[0].replace(",", ""))
    return f"{float(f'{value:.2g}'):g}"


def lines() -> str:
    """The table."""
    speed = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8").partition("## One thread")[2]
    ranks = table_with((ROOT / "docs" / "tables.md").read_text(encoding="utf-8"), "nnlite", "mean rank")
    rows = [
        _row(f"a training step, {NET}, batch of 32", "us", with_row(speed, STEP, "nnlite with fast")),
        _row(f"a training step, {LARGER}, batch of 64", "us", with_row(speed, LARGER_STEP, "nnlite with fast")),
        _row(f"a prediction of one row, {NET}", "us", with_row(speed, ONE_ROW, "nnlite with fast")),
        _row("a whole process that trains on 1,797 digits", "s", with_row(speed, DIGITS, "PyTorch eager")),
        _row("import", "s", with_row(speed, "import, seconds", "PyTorch eager")),
    ]
    others = ", ".join(f"{name} {ranks[name]['mean rank']}" for name in ("CatBoost", "scikit-learn's MLP", "XGBoost"))
    count, rank = ranks["nnlite"]["tables; splits"].partition(";")[0], ranks["nnlite"]["mean rank"]
    quality = f"Mean rank among {len(ranks)} models with their defaults on {count} open tables: nnlite {rank}"
    head = ["| on one CPU thread | nnlite, NumPy alone | with Numba | PyTorch | JAX | Keras on JAX | scikit-learn |"]
    return "\n".join([*head, "|---|---|---|---|---|---|---|", *rows, "", f"{quality}, {others}.", ""])


def _row(name: str, unit: str, measured: dict[str, str]) -> str:
    fast = measured.get("nnlite with fast")
    shown = [measured["nnlite, NumPy alone"], *([fast] if fast else []), *(measured[peer] for peer in PEERS)]
    texts = [f"{number(cell)} {unit}" for cell in shown]
    cells = [name, texts[0], *([] if fast else ["-"]), *texts[1:]]
    return f"| {' | '.join(cells)} |"


def written(text: str) -> str:
    """README with the table of now."""
    start, rest = text.split(BEGIN)
    return start + BEGIN + lines() + END + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
