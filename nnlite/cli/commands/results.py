"""`nnlite evaluate` and `nnlite predict`: what is done with a run folder."""

import argparse
import json
import sys
from pathlib import Path

from nnlite.cli.arguments import Commands, add_command, add_run
from nnlite.errors import ConfigError

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `evaluate` and `predict`."""
    evaluate = add_command(commands, "evaluate", "measure the model of a run folder again", "evaluate runs/digits-1")
    add_run(evaluate)
    evaluate.set_defaults(command=_evaluate)

    example = "predict runs/my_table-1 new_rows.csv -o predictions.csv"
    predict = add_command(commands, "predict", "apply the model of a run folder to new inputs", example)
    add_run(predict)
    predict.add_argument("input", metavar="INPUT", help="a file like the one trained on; it needs no target")
    predict.add_argument("-o", "--out", metavar="OUT.csv", help="where to write (default: the standard output)")
    predict.set_defaults(command=_predict)


def _evaluate(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Run

    print(json.dumps(Run(arguments.run).evaluate(), indent=2))


def _predict(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Run, write_table

    if arguments.out is not None and not Path(arguments.out).parent.is_dir():
        raise ConfigError(f"{arguments.out}: the folder {Path(arguments.out).parent} does not exist")
    columns = Run(arguments.run).predict(arguments.input)
    if arguments.out is None:
        write_table(columns, sys.stdout)
        return
    with open(arguments.out, "w", newline="", encoding="utf-8") as file:
        write_table(columns, file)
