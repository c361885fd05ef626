"""`nnlite train` and `lr-find`."""

import argparse
import json
import sys
from functools import partial
from typing import TYPE_CHECKING

from nnlite.cli.arguments import Commands, add_backend, add_command, add_config, add_logging, progress_log
from nnlite.cli.notes import without_progress
from nnlite.cli.teams import in_team
from nnlite.errors import ConfigError

if TYPE_CHECKING:
    from nnlite.experiment import Run

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `train` and `lr-find`."""
    example = """train configs/digits.yaml
        train configs/digits.yaml --set fit.epochs=5 model.1.Dense.units=64
        train --resume runs/digits-1 --epochs 50
        train configs/digits.yaml --distributed mpi"""
    train = add_command(commands, "train", "train the model of a config and write a run folder", example)
    add_config(train, "a YAML file; not with --resume", optional=True)
    train.add_argument("--resume", metavar="RUN", help="resume the training of a run folder exactly")
    train.add_argument("--resume-anyway", action="store_true", help="resume even if config or data have changed")
    train.add_argument("--epochs", type=int, metavar="N", help="number of epochs, overriding the config")
    train.add_argument("-o", "--out", metavar="DIR", help="the run folder (default: runs/<config name>-<n>)")
    train.add_argument("--quiet", action="store_true", help="show no progress")
    train.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="first cross-validate with K folds, and show mean and spread of each metric",
    )
    train.add_argument("--jobs", type=int, metavar="N", help="number of folds to run in parallel (default: 1)")
    add_backend(train)
    add_logging(train)
    train.add_argument("--tensorboard", metavar="DIR", help="write event files for `tensorboard --logdir DIR`")
    train.add_argument("--report", action="store_true", help="also write report.html into the run folder")
    _add_processes(train)
    train.add_argument("--profile", action="store_true", help="profile a training step instead of training")
    train.set_defaults(command=_train)
    _add_lr_find(commands)


def _add_processes(parser: argparse.ArgumentParser) -> None:
    """Add what trains by several processes."""
    parser.add_argument(
        "--distributed",
        choices=("mpi",),
        help="train with all processes started by mpiexec: mpiexec -n 4 nnlite train CONFIG --distributed mpi",
    )
    parser.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help="parts of each batch that the processes share, a power of two (default: 8)",
    )


def _add_lr_find(commands: Commands) -> None:
    meaning = "find a learning rate for a config by a short trial with growing rates"
    example = "lr-find configs/digits.yaml\nlr-find configs/digits.yaml --set fit.batch_size=64 --steps 200"
    description = f"{meaning[:1].upper()}{meaning[1:]}; it prints the loss over the rates, and writes nothing."
    lr_find = add_command(commands, "lr-find", meaning, example, description)
    add_config(lr_find)
    lr_find.add_argument("--steps", type=int, default=100, metavar="N", help="steps of the trial (default: 100)")
    lr_find.set_defaults(command=_lr_find)


def _lr_find(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Experiment, find_learning_rate

    print(find_learning_rate(Experiment.from_file(arguments.config, arguments.set), arguments.steps))


def _train(arguments: argparse.Namespace) -> int | None:
    _check(arguments)
    run = partial(_run, arguments)
    return in_team(arguments.shards or 8, run) if arguments.distributed else run()


def _run(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Experiment, profile

    if arguments.profile:
        print(profile(Experiment.from_file(arguments.config, arguments.set)))
        return
    with without_progress(arguments.quiet):
        run = _trained(arguments)
    report = _report(run) if arguments.report else None
    if arguments.log_format == "json":
        _print_json(run, report)
    else:
        _print_text(run, arguments.folds)
    for warning in run.warnings:
        print(f"nnlite: warning: {warning}", file=sys.stderr)
    if report is not None and arguments.log_format != "json":
        print(f"report: {report}")


def _check(arguments: argparse.Namespace) -> None:
    """`ConfigError` for arguments that do not go together, or cannot be."""
    if (arguments.config is None) == (arguments.resume is None):
        raise ConfigError("expected a config to train, or --resume with a run folder to resume, but not both")
    if (arguments.jobs or arguments.backend or arguments.scheduler) and arguments.folds is None:
        raise ConfigError("--jobs, --backend and --scheduler go with --folds")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise ConfigError(f"--jobs {arguments.jobs}: expected a number of folds side by side, 1 or more")
    if arguments.shards is not None and not arguments.distributed:
        raise ConfigError("--shards goes with --distributed")
    alone = [f"--{name}" for name in ("folds", "profile") if arguments.distributed and getattr(arguments, name)]
    if alone:
        raise ConfigError(f"{alone[0]} does not go with --distributed")
    beside = [f"--{name}" for name in ("out", "folds", "profile") if getattr(arguments, name)]
    if arguments.resume is not None and beside:
        raise ConfigError(f"{beside[0]} does not go with --resume")
    if arguments.resume_anyway and arguments.resume is None:
        raise ConfigError("--resume-anyway goes with --resume")
    if arguments.folds is not None and arguments.folds < 2:
        raise ConfigError(f"--folds {arguments.folds}: expected a number of folds, 2 or more")
    if arguments.epochs is not None and arguments.epochs < 1:
        raise ConfigError(f"--epochs {arguments.epochs}: expected a number of epochs, 1 or more")


def _trained(arguments: argparse.Namespace) -> "Run":
    from nnlite.experiment import Experiment, resume, train

    log = progress_log(arguments)
    quiet = arguments.quiet or bool(log)
    if arguments.tensorboard is not None:
        log = [*log, {"TensorBoard": {"log_dir": arguments.tensorboard}}]
    if arguments.resume is not None:
        return resume(arguments.resume, quiet, arguments.epochs, arguments.resume_anyway, arguments.set, log)
    epochs = [] if arguments.epochs is None else [f"fit.epochs={arguments.epochs}"]
    experiment = Experiment.from_file(arguments.config, [*arguments.set, *epochs])
    side = (arguments.jobs or 1, arguments.backend, arguments.scheduler)
    return train(experiment, arguments.out, quiet, arguments.folds, log, *side)


def _print_text(run: "Run", folds: int | None) -> None:
    from nnlite.experiment import format_calibration, format_folds, format_metrics

    if folds:
        print(f"{folds} folds")
        print(format_folds(run.folds), end="\n\n")
        print("the model that is kept, trained as the config says")
    print(format_metrics(run.metrics, run.baseline))
    if run.calibration is not None:
        print(format_calibration(run.calibration))
    print(f"run folder: {run.folder}")


def _print_json(run: "Run", report: str | None) -> None:
    """One line, as those of the epochs before it."""
    folds, path = {"folds": run.folds} if run.folds else {}, {} if report is None else {"report": report}
    figures = {"metrics": run.metrics, "baseline": run.baseline, **folds}
    print(json.dumps({"event": "end", "run": str(run.folder), **path, **figures}))


def _report(run: "Run") -> str:
    """The path of the report of a run, which is written."""
    from nnlite.report import Report

    return str(Report(run).save())
