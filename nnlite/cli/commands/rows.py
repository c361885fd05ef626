"""`nnlite rows`: the rows that a trained model depends on most, and those that are likely mislabeled."""

import argparse
import csv
from typing import Any

import numpy as np

from nnlite.cli.arguments import Commands, add_command, add_run, check_folder
from nnlite.errors import ConfigError

__all__ = ["add_commands"]

SHOWN = 20


def add_commands(commands: Commands) -> None:
    """Add `rows`."""
    meaning = "list the rows that are most likely mislabeled, by self-influence"
    rows = add_command(commands, "rows", meaning, "rows runs/digits-1\nrows runs/digits-1 --top 50 -o rows.csv")
    add_run(rows)
    parts = ("training", "validation", "test")
    rows.add_argument(
        "--part", choices=parts, default="training", help="the part whose rows are ranked (default: training)"
    )
    rows.add_argument("--top", type=int, default=SHOWN, metavar="N", help=f"number of rows (default: {SHOWN}; 0: all)")
    rows.add_argument("-o", "--out", metavar="OUT.csv", help="output file (default: print a table)")
    rows.set_defaults(command=_rows)


def _rows(arguments: argparse.Namespace) -> None:
    from nnlite.charts import aligned
    from nnlite.experiment import Run
    from nnlite.experiment.judging.rows import row_figures
    from nnlite.saving import text_file

    if arguments.top < 0:
        raise ConfigError(f"--top takes a number of rows, got {arguments.top}")
    if arguments.out is not None:
        check_folder(arguments.out)
    columns = row_figures(Run(arguments.run), arguments.part).columns()
    count = arguments.top or len(columns["row"])
    lines = [[_cell(value) for value in line] for line in zip(*columns.values(), strict=True)][:count]
    if arguments.out is None:
        print(aligned(list(columns), lines))
        return
    with text_file(arguments.out) as file:
        csv.writer(file, lineterminator="\n").writerows([list(columns), *lines])


def _cell(value: Any) -> str:
    """A cell: fractions to six digits, truth as yes or nothing."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else ""
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
