"""`nnlite tune`."""

import argparse
from pathlib import Path

from nnlite.cli.arguments import Commands, add_backend, add_command, add_config

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `tune`."""
    meaning = "search for the best values of the arguments in a config's section `search`"
    description = f"{meaning[:1].upper()}{meaning[1:]}; run the same command again to continue."
    tune = add_command(commands, "tune", meaning, "tune config.yaml --trials 30 --jobs 2", description)
    add_config(tune)
    tune.add_argument("--trials", type=int, default=50, metavar="N", help="total number of trials (default: 50)")
    tune.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="number of trials to run in parallel (default: 1)"
    )
    tune.add_argument(
        "-o", "--out", metavar="DIR", help="folder of best.yaml and study.json (default: runs/<config name>-tune)"
    )
    tune.add_argument("--storage", metavar="FILE", help="SQLite file or database URL (default: study.db in DIR)")
    tune.add_argument(
        "--sampler", choices=("tpe", "random"), default="tpe", help="method of suggesting values (default: tpe)"
    )
    add_backend(tune)
    tune.add_argument("--quiet", action="store_true", help="print nothing while trials run")
    tune.set_defaults(command=_tune)


def _load() -> None:
    from nnlite.tuning.processes import load

    load()


def _tune(arguments: argparse.Namespace) -> int:
    from nnlite.distributed.crew import Crew

    out = arguments.out or Path("runs", f"{Path(arguments.config).stem}-tune")
    options = (arguments.trials, arguments.jobs, out, arguments.storage, arguments.sampler)
    size = 0 if arguments.backend or arguments.scheduler else min(arguments.jobs, arguments.trials) - 1
    with Crew(size, _load) as crew:  # which loads what a trial needs while this process does
        from nnlite.tuning.tune import tune_with

        study = tune_with(
            crew, arguments.config, *options, arguments.set, arguments.quiet, arguments.backend, arguments.scheduler
        )
    print(study)
    if study.best is None:
        print("no trial is complete")
        return 1
    print(f"best: trial {study.best.number}, {study.metric} {study.best.value:.6g}; nnlite train {out}/best.yaml")
    return 0
