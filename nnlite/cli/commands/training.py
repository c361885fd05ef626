"""`nnlite train`."""

import argparse
import sys

from nnlite.cli.arguments import Commands, add_command, add_config
from nnlite.errors import ConfigError

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `train`."""
    example = "train configs/digits.yaml\ntrain configs/digits.yaml --set fit.epochs=5 model.1.Dense.units=64"
    train = add_command(commands, "train", "train the model of a config and keep everything in a run folder", example)
    add_config(train)
    train.add_argument("--out", metavar="DIR", help="the run folder (default: runs/<config name>-<n>)")
    train.add_argument("--quiet", action="store_true", help="show no progress")
    train.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="cross-validate in K folds first, and show mean and spread of each figure",
    )
    train.add_argument("--report", action="store_true", help="write report.html into the run folder as well")
    train.add_argument("--profile", action="store_true", help="show where a step's time goes instead of training")
    train.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Experiment, format_folds, format_metrics, profile, train

    if arguments.profile:
        print(profile(Experiment.from_file(arguments.config, arguments.set)))
        return
    if arguments.folds is not None and arguments.folds < 2:
        raise ConfigError(f"--folds {arguments.folds}: expected a number of folds, 2 or more")
    experiment = Experiment.from_file(arguments.config, arguments.set)
    run = train(experiment, arguments.out, arguments.quiet, arguments.folds)
    if arguments.folds:
        print(f"{arguments.folds} folds")
        print(format_folds(run.folds), end="\n\n")
        print("the model that is kept, trained as the config says")
    print(format_metrics(run.metrics, run.baseline))
    print(f"run folder: {run.folder}")
    for warning in run.warnings:
        print(f"nnlite: warning: {warning}", file=sys.stderr)
    if arguments.report:
        from nnlite.report import Report

        print(f"report: {Report(run).save()}")
