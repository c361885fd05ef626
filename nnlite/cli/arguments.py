"""Common parts of commands: adding a command with its example, and the arguments that several share."""

import argparse
from pathlib import Path
from typing import Any, TypeAlias

from nnlite.errors import ConfigError

__all__ = [
    "Commands",
    "add_backend",
    "add_command",
    "add_config",
    "add_logging",
    "add_run",
    "check_folder",
    "check_table",
    "progress_log",
]

# What `add_subparsers` gives; argparse has no public name for it.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: Commands, name: str, help: str, example: str, description: str | None = None
) -> argparse.ArgumentParser:
    """Add the command `name` to `commands`; its `--help` ends with an example.

    Args:
        commands: what `ArgumentParser.add_subparsers` gives.
        name: the command's name.
        help: its meaning in one line, for `nnlite --help`.
        example: one command or more, one a line, without `nnlite`: `"train configs/digits.yaml --quiet"`.
        description: what `nnlite NAME --help` says above the arguments; `help` as a sentence when None.

    Returns:
        The parser of the command, for its arguments and `set_defaults(command=function)`.
    """
    lines = [f"  nnlite {line.strip()}" for line in example.strip().splitlines()]
    heading = "example:" if len(lines) == 1 else "examples:"
    parser = commands.add_parser(
        name,
        help=help,
        description=description or f"{help[:1].upper()}{help[1:]}.",
        epilog="\n".join([heading, *lines]),
        formatter_class=_Formatter,
    )
    parser.set_defaults(parser=parser)  # which tells of arguments that it does not have
    return parser


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """The lines of an example stay as they are; the description is wrapped to the width of the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("example"):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)


def add_config(parser: argparse.ArgumentParser, meaning: str = "a YAML file", optional: bool = False) -> None:
    """Add the config argument and `--set`, which overrides its keys."""
    parser.add_argument("config", metavar="CONFIG", nargs="?" if optional else None, help=meaning)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="change the config, for example: --set fit.epochs=3 model.0.Dense.units=64",
    )


def add_run(parser: argparse.ArgumentParser, meaning: str = "a run folder") -> None:
    """Add the argument for the run folder."""
    parser.add_argument("run", metavar="RUN", help=meaning)


def add_logging(parser: argparse.ArgumentParser) -> None:
    """Add the options for the interval and the format of progress output."""
    parser.add_argument("--log-every", metavar="N|TIME", help="print a line every N epochs, or every 10s, 2m, 1h")
    parser.add_argument("--log-format", choices=("text", "json"), help="format of these lines (default: text)")


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add the option for the joblib backend that runs jobs in parallel."""
    parser.add_argument("--backend", choices=("loky", "threading", "dask"), help="joblib backend for parallel jobs")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="address of a Dask cluster (default: a local one)")


def check_table(path: str) -> None:
    """`ConfigError` for a config in place of a table, which would be read as lines of cells."""
    if Path(path).suffix.lower() in (".yaml", ".yml"):
        raise ConfigError(f"{path}: a config, not a table; name a file of rows, such as a CSV, Excel or Parquet file")


def check_folder(path: str) -> None:
    """`ConfigError` unless the folder of a file to be written exists."""
    if not Path(path).parent.is_dir():
        raise ConfigError(f"{path}: the folder {Path(path).parent} does not exist")


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
