"""`nnlite completion`: a script for shell completion of commands, options and files."""

import argparse
import functools

from nnlite.cli.arguments import Commands, add_command
from nnlite.cli.completion import SHELLS, script

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `completion`."""
    meaning = "print a shell completion script for commands, options, files and run folders"
    description = f'{meaning[:1].upper()}{meaning[1:]}. `eval "$(nnlite completion bash)"` in ~/.bashrc enables it.'
    completion = add_command(commands, "completion", meaning, "completion bash", description)
    completion.add_argument("shell", choices=SHELLS, help="the shell")
    completion.set_defaults(command=functools.partial(_completion, commands))


def _completion(commands: Commands, arguments: argparse.Namespace) -> None:
    meanings = {action.dest: action.help or "" for action in commands._choices_actions}
    print(script(arguments.shell, commands.choices, meanings), end="")
