"""`nnlite completion`: a script by which the shell completes commands, options and files."""

import argparse
import functools
from typing import Any

from nnlite.cli.completion import SHELLS, script

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add `completion`."""
    meaning = "print a script by which the shell completes commands, options, files and run folders"
    example = 'example: eval "$(nnlite completion bash)"'
    completion = commands.add_parser("completion", help=meaning, description=meaning, epilog=example)
    completion.add_argument("shell", choices=SHELLS, help="which shell")
    completion.set_defaults(command=functools.partial(_completion, commands))


def _completion(commands: Any, arguments: argparse.Namespace) -> None:
    meanings = {action.dest: action.help or "" for action in commands._choices_actions}
    print(script(arguments.shell, commands.choices, meanings), end="")
