"""`nnlite evaluate` and `nnlite predict`: what is done with a trained model."""

import argparse
import contextlib
import io
import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nnlite.cli.arguments import Commands, add_command, add_run
from nnlite.errors import ConfigError, DataError, OutputError, UnknownCategoryWarning

__all__ = ["add_commands"]

REASONS = 3  # that --explain gives without a number
LEVEL = 0.9  # of --intervals without one


def add_commands(commands: Commands) -> None:
    """Add `evaluate` and `predict`."""
    meaning = "measure a trained model: on its own parts again, or on another labelled file"
    evaluate = add_command(commands, "evaluate", meaning, "evaluate runs/digits-1\nevaluate runs/churn-1 new.csv")
    add_run(evaluate, "a run folder; with a file to measure on, a model file does as well")
    meaning = "a file like the one trained on, with the target; - reads the standard input (default: the run's parts)"
    evaluate.add_argument("input", metavar="INPUT", nargs="?", help=meaning)
    _add_on_unknown(evaluate)
    evaluate.set_defaults(command=_evaluate)
    _add_predict(commands)


def _add_predict(commands: Commands) -> None:
    example = "predict runs/churn-1 new.csv -o out.csv --keep customer --explain"
    predict = add_command(commands, "predict", "apply a trained model to new rows", example)
    add_run(predict, "a run folder or a model file")
    meaning = "a file like the one trained on; it needs no target; - reads the standard input"
    predict.add_argument("input", metavar="INPUT", help=meaning)
    predict.add_argument("-o", "--out", metavar="OUT.csv", help="where to write (default: the standard output)")
    choice, meaning = (
        argparse.BooleanOptionalAction,
        "write the probability of each class too (default), or leave it out",
    )
    predict.add_argument("--proba", action=choice, default=True, help=meaning)
    meaning = "copy these columns of the input, such as an id; a prediction of the same name becomes predicted_NAME"
    predict.add_argument("--keep", metavar="NAME,NAME", action="append", default=[], help=meaning)
    meaning = f"name the N columns that contributed most to each prediction (without a number: {REASONS})"
    predict.add_argument("--explain", metavar="N", type=int, nargs="?", const=REASONS, default=0, help=meaning)
    meaning = f"write the ends of prediction intervals of this level (without one: {LEVEL})"
    predict.add_argument("--intervals", metavar="LEVEL", type=float, nargs="?", const=LEVEL, help=meaning)
    _add_on_unknown(predict)
    predict.set_defaults(command=_predict)


def _add_on_unknown(parser: argparse.ArgumentParser) -> None:
    meaning = "what becomes of categories that the training data did not hold (default: warn)"
    parser.add_argument("--on-unknown", choices=("warn", "error", "ignore"), default="warn", help=meaning)


def _evaluate(arguments: argparse.Namespace) -> None:
    if arguments.input is None:
        from nnlite.experiment import Run

        if Path(arguments.run).is_file():
            raise ConfigError(
                f"{arguments.run}: a model file has no data of its own; name a labelled file to measure on"
            )
        print(json.dumps(Run(arguments.run).evaluate(), indent=2))
        return
    from nnlite.trained import load

    with _unknown_told_on_stderr():
        figures = load(arguments.run).evaluate(arguments.input, on_unknown=arguments.on_unknown)
    print(json.dumps(figures, indent=2))


def _predict(arguments: argparse.Namespace) -> None:
    from nnlite.trained import load
    from nnlite.trained.streaming import predicted_chunks
    from nnlite.trained.writing import write_chunks

    if arguments.out is not None and not Path(arguments.out).parent.is_dir():
        raise ConfigError(f"{arguments.out}: the folder {Path(arguments.out).parent} does not exist")
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
    with _unknown_told_on_stderr(), _opened(arguments.out) as file:
        write_chunks(chunks, file)


@contextlib.contextmanager
def _opened(path: str | None) -> Iterator[Any]:
    """The standard output, or a file that appears under its name when everything is written."""
    from nnlite.saving import atomic_file

    if path is None:
        yield sys.stdout
    elif os.path.exists(path) and not os.path.isfile(path):  # a pipe or a device, which must not be replaced
        if os.path.isdir(path):
            raise DataError(f"{path}: is a folder")
        with open(path, "w", newline="", encoding="utf-8") as file:
            yield file
    else:
        try:
            with atomic_file(os.path.realpath(path)) as binary:
                text = io.TextIOWrapper(binary, encoding="utf-8", newline="")
                yield text
                text.detach()
        except OSError as error:
            raise OutputError(error.errno, error.strerror, path) from None  # not under the name of the temporary file


@contextlib.contextmanager
def _unknown_told_on_stderr() -> Iterator[None]:
    """In this context, a warning of unknown categories is one line of the command line."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", UnknownCategoryWarning)
        shown = warnings.showwarning

        def show(message: Any, category: Any, *place: Any, **options: Any) -> None:
            if issubclass(category, UnknownCategoryWarning):
                print(f"nnlite: warning: {message}", file=sys.stderr)
            else:
                shown(message, category, *place, **options)

        warnings.showwarning = show
        yield
