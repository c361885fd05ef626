"""`nnlite summary`, `explain` and `check`: looking into a model and its derivatives."""

import argparse
from typing import Any

from nnlite.cli.arguments import add_config

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add `summary`, `explain` and `check`."""
    summary = commands.add_parser("summary", help="show the layers of a config's model")
    add_config(summary)
    summary.set_defaults(command=_summary)
    _add_explain(commands)
    _add_check(commands)


def _add_explain(commands) -> None:
    explain = commands.add_parser("explain", help="show the derivatives of one example, back to one weight")
    add_config(explain, "a YAML file, for its model as it starts, or a run folder, for the trained one")
    explain.add_argument("--row", type=int, default=0, metavar="N", help="which example, from 0 (default: 0)")
    parts = ("training", "validation", "test")
    explain.add_argument("--part", choices=parts, default="training", help="of which part (default: training)")
    explain.add_argument("--output", type=int, metavar="K", help="explain this output in place of the loss")
    explain.add_argument("--weight", metavar="NAME", help="the weight to follow, for example: 'dense.kernel[3, 7]'")
    explain.set_defaults(command=_explain)


def _add_check(commands) -> None:
    meaning = "check the derivatives of a config's model and loss against numerical ones"
    check = commands.add_parser("check", help=meaning, description=f"{meaning}; the exit code is 1 if a check fails")
    add_config(check)
    check.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="a module of your own that defines layers or losses, from the current folder, for example: my_layers",
    )
    check.set_defaults(command=_check)


def _summary(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Experiment

    model, _ = Experiment.from_file(arguments.config, arguments.set).prepare()
    model.summary()


def _explain(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import explain

    chosen = (arguments.row, arguments.part, arguments.output, arguments.weight)
    print(explain(arguments.config, *chosen, arguments.set))


def _check(arguments: argparse.Namespace) -> int:
    from nnlite.check import check_config

    report = check_config(arguments.config, arguments.set, arguments.modules)
    print(report)
    return 0 if report.ok else 1
