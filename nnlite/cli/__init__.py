"""The command `nnlite`: parses arguments, calls `nnlite.experiment`, prints text and returns an exit code."""

import argparse
import sys
from collections.abc import Sequence

import nnlite
from nnlite.cli.commands import circuit, configs, explanation, reports, results, rows, shells, tables, training, tuning
from nnlite.cli.notes import notes_on_stderr, warnings_on_stderr
from nnlite.errors import NNLiteError

__all__ = ["main"]

# Each adds its commands to the parser, in the order in which `nnlite --help` lists them.
GROUPS = (tables, training, tuning, results, rows, reports, explanation, circuit, configs, shells)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit code: 0 done, 1 a check failed, 2 wrong usage or config, 3 data or a model file that cannot be used,
        4 training diverged, 5 input or output failed, 130 Ctrl-C, 143 SIGTERM.
    """
    parser = _parser()
    parser.set_defaults(
        parser=parser, command=lambda _: parser.print_help() or 2
    )  # `nnlite` alone: help, but nothing was done
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        with notes_on_stderr(), warnings_on_stderr():
            return arguments.command(arguments) or 0
    except NNLiteError as error:
        return _fail(error, error.exit_code)
    except BrokenPipeError:
        return 0
    except OSError as error:
        location = f"{error.filename}: " if error.filename else ""
        return _fail(f"{location}{error.strerror or error}", 5)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", 130)


def _fail(message: object, exit_code: int) -> int:
    print(f"nnlite: error: {message}", file=sys.stderr)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nnlite",
        description="Train neural networks from one YAML file.",
        epilog="`nnlite COMMAND --help` shows the arguments of a command, with an example.",
    )
    parser.add_argument("--version", action="version", version=f"nnlite {nnlite.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND")
    for group in GROUPS:
        group.add_commands(commands)
    return parser
