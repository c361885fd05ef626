"""`nnlite train`."""

import argparse
import json
import math
import sys

from nnlite.cli.arguments import add_config, add_logging, progress_log, telling

__all__ = ["add_commands"]


def add_commands(commands) -> None:
    """Add `train`."""
    train = commands.add_parser("train", help="train the model of a config and keep everything in a run folder")
    add_config(train)
    train.add_argument("--out", metavar="DIR", help="the run folder (default: runs/<config name>-<n>)")
    train.add_argument("--quiet", action="store_true", help="show no progress")
    add_logging(train)
    train.add_argument("--profile", action="store_true", help="show where a step's time goes instead of training")
    train.set_defaults(command=_train)


def _train(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Experiment, profile, train

    if arguments.profile:
        print(profile(Experiment.from_file(arguments.config, arguments.set)))
        return
    log = progress_log(arguments)
    experiment = Experiment.from_file(arguments.config, arguments.set)
    with telling(arguments.quiet):
        run = train(experiment, arguments.out, arguments.quiet or bool(log), log)
    if arguments.log_format == "json":
        print(json.dumps({"event": "end", "run": str(run.folder), "metrics": run.metrics}))
        return
    for part, values in run.metrics.items():
        shown = [f"{name} {math.nan if value is None else value:.4g}" for name, value in values.items()]
        print(f"{part}: {', '.join(shown)}")
    print(f"run folder: {run.folder}")
    if any(value is None for values in run.metrics.values() for value in values.values()):
        print("nnlite: warning: training diverged; lower the learning rate or scale the inputs", file=sys.stderr)
