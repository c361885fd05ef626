"""The command `nnlite`: arguments in, calls of `nnlite.experiment`, text and an exit code out."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import nnlite
from nnlite.errors import ConfigError, NNLiteError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 done, 1 a check failed, 2 wrong usage or config, 3 data or files that cannot be used,
        130 Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments) or 0
    except NNLiteError as error:
        return _fail(error, error.exit_code)
    except BrokenPipeError:
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}", 3)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", 130)


def _train(arguments) -> None:
    from nnlite.experiment import Experiment, profile, train

    if arguments.profile:
        print(profile(Experiment.from_file(arguments.config, arguments.set)))
        return
    run = train(Experiment.from_file(arguments.config, arguments.set), arguments.out, arguments.quiet)
    for part, values in run.metrics.items():
        shown = [f"{name} {math.nan if value is None else value:.4g}" for name, value in values.items()]
        print(f"{part}: {', '.join(shown)}")
    print(f"run folder: {run.folder}")
    if any(value is None for values in run.metrics.values() for value in values.values()):
        print("nnlite: warning: training diverged; lower the learning rate or scale the inputs", file=sys.stderr)


def _evaluate(arguments) -> None:
    from nnlite.experiment import Run

    print(json.dumps(Run(arguments.run).evaluate(), indent=2))


def _predict(arguments) -> None:
    from nnlite.experiment import Run, write_table

    if arguments.out is not None and not Path(arguments.out).parent.is_dir():
        raise ConfigError(f"{arguments.out}: the folder {Path(arguments.out).parent} does not exist")
    columns = Run(arguments.run).predict(arguments.input)
    if arguments.out is None:
        write_table(columns, sys.stdout)
        return
    with open(arguments.out, "w", newline="", encoding="utf-8") as file:
        write_table(columns, file)


def _summary(arguments) -> None:
    from nnlite.experiment import Experiment

    model, _ = Experiment.from_file(arguments.config, arguments.set).prepare()
    model.summary()


def _explain(arguments) -> None:
    from nnlite.experiment import explain

    chosen = (arguments.row, arguments.part, arguments.output, arguments.weight)
    print(explain(arguments.config, *chosen, arguments.set))


def _check(arguments) -> int:
    from nnlite.check import check_config

    report = check_config(arguments.config, arguments.set, arguments.modules)
    print(report)
    return 0 if report.ok else 1


def _fail(message: object, exit_code: int) -> int:
    print(f"nnlite: error: {message}", file=sys.stderr)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nnlite", description="Train neural networks from one YAML file.")
    parser.add_argument("--version", action="version", version=f"nnlite {nnlite.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train the model of a config and keep everything in a run folder")
    _add_config(train)
    train.add_argument("--out", metavar="DIR", help="the run folder (default: runs/<config name>-<n>)")
    train.add_argument("--quiet", action="store_true", help="show no progress")
    train.add_argument("--profile", action="store_true", help="show where a step's time goes instead of training")
    train.set_defaults(command=_train)

    evaluate = commands.add_parser("evaluate", help="measure the model of a run folder again")
    evaluate.add_argument("run", metavar="RUN", help="a run folder")
    evaluate.set_defaults(command=_evaluate)

    predict = commands.add_parser("predict", help="apply the model of a run folder to new inputs")
    predict.add_argument("run", metavar="RUN", help="a run folder")
    predict.add_argument("input", metavar="INPUT", help="a file like the one trained on; it needs no target")
    predict.add_argument("-o", "--out", metavar="OUT.csv", help="where to write (default: the standard output)")
    predict.set_defaults(command=_predict)

    summary = commands.add_parser("summary", help="show the layers of a config's model")
    _add_config(summary)
    summary.set_defaults(command=_summary)
    _add_explain(commands)
    _add_check(commands)
    return parser


def _add_explain(commands) -> None:
    explain = commands.add_parser("explain", help="show the derivatives of one example, back to one weight")
    _add_config(explain, "a YAML file, for its model as it starts, or a run folder, for the trained one")
    explain.add_argument("--row", type=int, default=0, metavar="N", help="which example, from 0 (default: 0)")
    parts = ("training", "validation", "test")
    explain.add_argument("--part", choices=parts, default="training", help="of which part (default: training)")
    explain.add_argument("--output", type=int, metavar="K", help="explain this output in place of the loss")
    explain.add_argument("--weight", metavar="NAME", help="the weight to follow, for example: 'dense.kernel[3, 7]'")
    explain.set_defaults(command=_explain)


def _add_check(commands) -> None:
    meaning = "check the derivatives of a config's model and loss against numerical ones"
    check = commands.add_parser("check", help=meaning, description=f"{meaning}; the exit code is 1 if a check fails")
    _add_config(check)
    check.add_argument(
        "--import",
        dest="modules",
        metavar="MODULE",
        action="append",
        default=[],
        help="a module of your own that defines layers or losses, from the current folder, for example: my_layers",
    )
    check.set_defaults(command=_check)


def _add_config(parser: argparse.ArgumentParser, meaning: str = "a YAML file") -> None:
    parser.add_argument("config", metavar="CONFIG", help=meaning)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="change the config, for example: --set fit.epochs=3 model.0.Dense.units=64",
    )
