"""`nnlite evaluate`, `nnlite predict` and `nnlite export`: use of a trained model."""

import argparse
import contextlib
import json
import sys
import warnings
from pathlib import Path

from nnlite.cli.arguments import Commands, add_command, add_run, check_folder, check_table
from nnlite.errors import ConfigError, TrainingWarning

__all__ = ["add_commands"]

REASONS = 3  # that --explain gives without a number
LEVEL = 0.9  # of --intervals without one


def add_commands(commands: Commands) -> None:
    """Add `evaluate`, `predict` and `export`."""
    meaning = "evaluate a trained model on its own data, or on another labelled file"
    evaluate = add_command(commands, "evaluate", meaning, "evaluate runs/digits-1\nevaluate runs/churn-1 new.csv")
    add_run(evaluate, "a run folder, or, with INPUT, a model file")
    meaning = "a file like the training data, with the target; - reads standard input (default: the run's own data)"
    evaluate.add_argument("input", metavar="INPUT", nargs="?", help=meaning)
    meaning = "new location of the training data, if they were moved"
    evaluate.add_argument("--data", metavar="DATA", help=meaning)
    meaning = "print JSON instead of a table; the default if the output is not a terminal"
    evaluate.add_argument("--json", action="store_true", help=meaning)
    _add_on_unknown(evaluate)
    evaluate.set_defaults(command=_evaluate)
    _add_predict(commands)
    meaning = "export a trained model as ONNX, a single Python file that only needs NumPy, or a C header"
    export = add_command(commands, "export", meaning, "export runs/churn-1 churn.py\nexport runs/churn-1 churn.h")
    add_run(export, "a run folder or a model file")
    export.add_argument("out", metavar="OUT", help="output file, ending in .onnx, .py or .h")
    export.set_defaults(command=_export)


def _add_predict(commands: Commands) -> None:
    example = "predict runs/churn-1 new.csv -o out.csv --keep customer --explain"
    predict = add_command(commands, "predict", "apply a trained model to new rows", example)
    add_run(predict, "a run folder or a model file")
    meaning = "a file like the training data, with or without the target, or a folder of images; - reads standard input"
    predict.add_argument("input", metavar="INPUT", help=meaning)
    predict.add_argument("-o", "--out", metavar="OUT.csv", help="output file (default: standard output)")
    choice, meaning = (
        argparse.BooleanOptionalAction,
        "include the probability of each class (default), or omit it",
    )
    predict.add_argument("--proba", action=choice, default=True, help=meaning)
    meaning = "copy these columns of the input, such as an id; a prediction of the same name becomes predicted_NAME"
    predict.add_argument("--keep", metavar="NAME,NAME", action="append", default=[], help=meaning)
    meaning = f"name the N columns that contribute most to each prediction (default N: {REASONS})"
    predict.add_argument("--explain", metavar="N", type=int, nargs="?", const=REASONS, default=0, help=meaning)
    meaning = f"write the bounds of prediction intervals (default level: {LEVEL})"
    predict.add_argument("--intervals", metavar="LEVEL", type=float, nargs="?", const=LEVEL, help=meaning)
    _add_on_unknown(predict)
    predict.set_defaults(command=_predict)


def _add_on_unknown(parser: argparse.ArgumentParser) -> None:
    meaning = "treatment of categories that did not occur in training (default: warn)"
    parser.add_argument("--on-unknown", choices=("warn", "error", "ignore"), default="warn", help=meaning)


def _evaluate(arguments: argparse.Namespace) -> None:
    if arguments.input is None:
        from nnlite.experiment import Run
        from nnlite.experiment.judging.measuring import format_metrics

        if Path(arguments.run).is_file():
            raise ConfigError(
                f"{arguments.run}: a file, not a run folder, which alone knows its data; to measure a model on a file: "
                "nnlite evaluate RUN INPUT"
            )
        run = Run(arguments.run)
        measured = run.evaluate(arguments.data)
        print(json.dumps(measured, indent=2) if _as_json(arguments) else format_metrics(measured, run.baseline))
        return
    check_table(arguments.input)
    if arguments.data is not None:
        raise ConfigError("--data says where the run's own data are, INPUT is another file: give one of them")
    from nnlite.trained import load

    figures = load(arguments.run).evaluate(arguments.input, on_unknown=arguments.on_unknown)
    _tell_learned(arguments.run, arguments.input)
    if _as_json(arguments):
        print(json.dumps(figures, indent=2))
        return
    from nnlite.experiment.judging.measuring import format_metrics

    print(format_metrics({arguments.input: figures}, {}))


def _as_json(arguments: argparse.Namespace) -> bool:
    return arguments.json or not sys.stdout.isatty()


def _tell_learned(run: str, path: str) -> None:
    """Warn that figures are of rows which the model learned from, where a file is that of its training."""
    from nnlite.experiment import Run

    if Path(run).is_dir() and Run(run).learned_from(path):
        warnings.warn(
            f"{path} holds the rows of the training: the figures are of rows that the model has learned from; "
            f"`nnlite evaluate {run}` measures those that it has not",
            TrainingWarning,
            stacklevel=2,
        )


def _predict(arguments: argparse.Namespace) -> None:
    from nnlite.saving import text_file
    from nnlite.trained import load
    from nnlite.trained.streaming import predicted_chunks
    from nnlite.trained.writing import write_chunks

    if arguments.out is not None:
        check_folder(arguments.out)
    check_table(arguments.input)
    if arguments.explain < 0:
        raise ConfigError(f"--explain takes a number of columns, got {arguments.explain}")
    chunks = predicted_chunks(
        load(arguments.run),
        arguments.input,
        proba=arguments.proba,
        keep=[name.strip() for names in arguments.keep for name in names.split(",")],
        explain=arguments.explain,
        level=arguments.intervals,
        on_unknown=arguments.on_unknown,
    )
    out = contextlib.nullcontext(sys.stdout) if arguments.out is None else text_file(arguments.out)
    with out as file:
        write_chunks(chunks, file)


def _export(arguments: argparse.Namespace) -> None:
    from nnlite.trained import load

    check_folder(arguments.out)
    for path in load(arguments.run).model.export(arguments.out):
        print(f"written: {path}")
