"""`nnlite summary`, `explain` and `check`: inspection of a model and its derivatives."""

import argparse

from nnlite.cli.arguments import Commands, add_command, add_config
from nnlite.errors import ConfigError

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `summary`, `explain` and `check`."""
    summary = add_command(commands, "summary", "show the layers of a config's model", "summary configs/digits.yaml")
    add_config(summary)
    summary.set_defaults(command=_summary)
    _add_explain(commands)
    _add_check(commands)


def _add_explain(commands: Commands) -> None:
    example = "explain configs/digits.yaml --row 3\nexplain runs/digits-1 --part test --weight 'dense.kernel[3, 7]'"
    explain = add_command(
        commands, "explain", "explain one example by its derivatives, back to a single weight", example
    )
    add_config(explain, "a YAML file, for the untrained model, or a run folder, for the trained one")
    explain.add_argument("--row", type=int, default=0, metavar="N", help="index of the example (default: 0)")
    parts = ("training", "validation", "test")
    explain.add_argument(
        "--part", choices=parts, default="training", help="the part that contains the row (default: training)"
    )
    explain.add_argument("--output", type=int, metavar="K", help="explain this output instead of the loss")
    explain.add_argument("--weight", metavar="NAME", help="the weight to follow, for example: 'dense.kernel[3, 7]'")
    explain.set_defaults(command=_explain)


def _add_check(commands: Commands) -> None:
    meaning = "check the derivatives of a config's model and loss against numerical ones"
    description = (
        f"{meaning[:1].upper()}{meaning[1:]}; with --monotone, that a run's model rises and falls with columns "
        "as it should. The exit code is 1 if a check fails."
    )
    example = "check configs/xor.yaml\ncheck runs/prices-1 --monotone area:+ --monotone age:-"
    check = add_command(commands, "check", meaning, example, description)
    add_config(check, "a YAML file; with --monotone a run folder")
    check.add_argument(
        "--monotone",
        metavar="COLUMN:SIGN",
        action="append",
        default=[],
        help="check that the output does not fall (+) or rise (-) with this numeric column",
    )
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

    selection = (arguments.row, arguments.part, arguments.output, arguments.weight)
    print(explain(arguments.config, *selection, arguments.set))


def _check(arguments: argparse.Namespace) -> int:
    from nnlite.check import check_config, check_monotone

    if arguments.monotone and arguments.set:
        raise ConfigError("--set changes a config, and --monotone checks a run: leave one of them out")
    if arguments.monotone:
        report = check_monotone(arguments.config, arguments.monotone, arguments.modules)
    else:
        report = check_config(arguments.config, arguments.set, arguments.modules)
    print(report)
    return 0 if report.ok else 1
