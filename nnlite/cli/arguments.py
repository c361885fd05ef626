"""Arguments that several commands have in common."""

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nnlite.errors import ConfigError

__all__ = ["add_config", "add_logging", "add_run", "progress_log", "telling"]


def add_config(parser: argparse.ArgumentParser, meaning: str = "a YAML file") -> None:
    """Add the config and `--set`, which changes it."""
    parser.add_argument("config", metavar="CONFIG", help=meaning)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="change the config, for example: --set fit.epochs=3 model.0.Dense.units=64",
    )


def add_run(parser: argparse.ArgumentParser) -> None:
    """Add the run folder."""
    parser.add_argument("run", metavar="RUN", help="a run folder")


def add_logging(parser: argparse.ArgumentParser) -> None:
    """Add how often progress is printed, and in which form."""
    parser.add_argument("--log-every", metavar="N|TIME", help="a line every N epochs, or every 10s, 2m, 1h")
    parser.add_argument("--log-format", choices=("text", "json"), help="of these lines (default: text)")


def progress_log(arguments: argparse.Namespace) -> list[Any]:
    """The callback that `--log-every` and `--log-format` ask for; an empty list without them."""
    from nnlite.callbacks import ProgressLog

    if arguments.log_every is None and arguments.log_format is None:
        return []
    if arguments.quiet:
        raise ConfigError("--quiet shows no progress, --log-every and --log-format do; choose one")
    every = arguments.log_every or "1"
    try:
        return [ProgressLog(int(every) if every.isdecimal() else every, arguments.log_format or "text")]
    except ConfigError as error:
        raise ConfigError(f"--log-every {every}: {error.message}") from None


@contextmanager
def telling(quiet: bool) -> Iterator[None]:
    """A context in which the standard error says what takes long, such as the passes over a large file."""
    logger, handler = logging.getLogger("nnlite"), logging.StreamHandler(sys.stderr)
    level = logger.level
    if not quiet:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
