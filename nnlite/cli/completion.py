"""Shell completion scripts for `nnlite`, generated from the parser itself."""

import argparse
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["SHELLS", "script"]

SHELLS = ("bash", "zsh", "fish")
FOLDERS, RUNS = ("DIR", "FOLDER"), ("RUN",)
BASH = """\
# eval "$(nnlite completion bash)", in ~/.bashrc
_nnlite_words() { COMPREPLY=($(compgen -W "$1" -- "$current")); }
_nnlite_files() { local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$current")); }
_nnlite_folders() { local IFS=$'\\n'; COMPREPLY=($(compgen -d -- "$current")); }
_nnlite_runs() {
  local IFS=$'\\n' file folders=()
  for file in runs/*/config.yaml; do [[ -f $file ]] && folders+=("${file%/config.yaml}"); done
  COMPREPLY=($(compgen -W "${folders[*]}" -- "$current") $(compgen -d -- "$current"))
}
_nnlite() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local command=${COMP_WORDS[1]} options
  if (( COMP_CWORD == 1 )); then _nnlite_words @FIRST@; return; fi
  case $command:$before in
@AFTER@
  esac
  case $command in
@OPTIONS@
  esac
  if [[ $current == -* ]]; then _nnlite_words "$options"; return; fi
  case $command in
@PLACES@
    *) _nnlite_files ;;
  esac
}
complete -o filenames -F _nnlite nnlite
"""


@dataclass(frozen=True)
class Argument:
    """An option or a positional argument of a command.

    Args:
        flags: its names; none for a positional argument.
        takes: what follows: "nothing", "choice", "folder", "run", "file".
        choices: of "choice".
        meaning: one line.
    """

    flags: tuple[str, ...]
    takes: str
    choices: tuple[str, ...]
    meaning: str


def script(shell: str, commands: Mapping[str, argparse.ArgumentParser], meanings: Mapping[str, str]) -> str:
    """The script for a shell.

    Args:
        shell: one of `SHELLS`.
        commands: name -> parser.
        meanings: name -> one line.
    """
    arguments = {name: list(_arguments(parser)) for name, parser in commands.items()}
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](arguments, meanings)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in parser._actions:
        meaning = " ".join((action.help or "").replace("%%", "%").split())
        choices = tuple(map(str, action.choices or ()))
        yield Argument(tuple(action.option_strings), _taken(action), choices, meaning)


def _taken(action: argparse.Action) -> str:
    if action.nargs == 0:
        return "nothing"
    if action.choices:
        return "choice"
    named = str(action.metavar or action.dest).upper()
    return "folder" if named in FOLDERS else "run" if named in RUNS else "file"


def _flags(arguments: list[Argument]) -> list[str]:
    return [flag for argument in arguments for flag in argument.flags]


def _places(arguments: list[Argument]) -> list[Argument]:
    return [argument for argument in arguments if not argument.flags]


def _bash(arguments: dict[str, list[Argument]], meanings: Mapping[str, str]) -> str:
    after, options, places = [], [], []
    first = shlex.quote(" ".join([*arguments, "--help", "--version"]))
    for name, entries in arguments.items():
        options.append(f"    {name}) options={shlex.quote(' '.join(_flags(entries)))} ;;")
        after += [
            f"    {'|'.join(f'{name}:{flag}' for flag in argument.flags)}) {_bash_words(argument)}; return ;;"
            for argument in entries
            if argument.flags and argument.takes != "nothing"
        ]
        places += [f"    {name}) {_bash_words(argument)} ;;" for argument in _places(entries)[:1]]
    words = {"FIRST": first, "AFTER": "\n".join(after), "OPTIONS": "\n".join(options), "PLACES": "\n".join(places)}
    text = BASH
    for name, lines in words.items():
        text = text.replace(f"@{name}@", lines)
    return text


def _bash_words(argument: Argument) -> str:
    if argument.takes == "choice":
        return f"_nnlite_words {shlex.quote(' '.join(argument.choices))}"
    return {"folder": "_nnlite_folders", "run": "_nnlite_runs", "file": "_nnlite_files"}[argument.takes]


def _zsh(arguments: dict[str, list[Argument]], meanings: Mapping[str, str]) -> str:
    described = [shlex.quote(f"{name}:{meanings.get(name, '')}") for name in arguments]
    cases = []
    for name, options in arguments.items():
        specs = [shlex.quote(_zsh_spec(flag, argument)) for argument in options for flag in argument.flags]
        specs += [shlex.quote(f"*:{positional.takes}:{_zsh_action(positional)}") for positional in _places(options)[:1]]
        cases += [f"    {name})", f"      _arguments {' '.join(specs)} ;;"]
    return "\n".join(
        [
            '# eval "$(nnlite completion zsh)", in ~/.zshrc after compinit',
            "_nnlite() {",
            f"  local -a commands=({' '.join(described)})",
            "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
            "  local command=$words[2]",
            "  shift words; (( CURRENT-- ))",
            "  case $command in",
            *cases,
            "  esac",
            "}",
            "compdef _nnlite nnlite",
            "",
        ]
    )


def _zsh_spec(flag: str, argument: Argument) -> str:
    meaning = argument.meaning.replace("[", "(").replace("]", ")").replace(":", "\\:")
    return f"{flag}[{meaning}]" + ("" if argument.takes == "nothing" else f":{argument.takes}:{_zsh_action(argument)}")


def _zsh_action(argument: Argument) -> str:
    if argument.takes == "choice":
        return f"({' '.join(argument.choices)})"
    return {"folder": "_files -/", "run": "_files -/ -W . -g 'runs/*(/)'", "file": "_files"}[argument.takes]


def _fish(arguments: dict[str, list[Argument]], meanings: Mapping[str, str]) -> str:
    lines = ["# nnlite completion fish > ~/.config/fish/completions/nnlite.fish", "complete -c nnlite -f"]
    for name, options in arguments.items():
        quoted = shlex.quote(meanings.get(name, ""))
        lines.append(f"complete -c nnlite -n __fish_use_subcommand -a {name} -d {quoted}")
        inside = f"complete -c nnlite -n '__fish_seen_subcommand_from {name}'"
        for argument in options:
            flags = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in argument.flags]
            values = {"nothing": "", "choice": f" -x -a {shlex.quote(' '.join(argument.choices))}"}
            wanted = "" if not flags else f" {' '.join(flags)} -d {shlex.quote(argument.meaning)}"
            needed = " -r" if flags else ""
            kinds = {
                "folder": f"{needed} -a '(__fish_complete_directories)'",
                "run": f"{needed} -a '(__fish_complete_directories)'",
                "file": f"{needed} -F",
            }
            lines.append(inside + wanted + {**kinds, **values}[argument.takes])
    return "\n".join([*lines, ""])
