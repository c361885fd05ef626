"""`nnlite init` and `nnlite data`: the profile of a table, and a first config."""

import argparse
import json
import os
from pathlib import Path

from nnlite.cli.arguments import Commands, add_command, check_folder, check_table
from nnlite.errors import ConfigError

__all__ = ["add_commands"]

TASKS = ("binary", "multiclass", "multilabel", "regression")
FEW_ROWS = 60


def add_commands(commands: Commands) -> None:
    """Add `init` and `data`."""
    meaning = "write a config for a table or a folder of images, or from a template"
    init = add_command(
        commands, "init", meaning, "init flats.csv --target rent -o flats.yaml\ninit photos/\ninit graph"
    )
    meaning = "a table, a folder with a folder of images for each class, or a template (see --list)"
    init.add_argument("start", metavar="TABLE|FOLDER|TEMPLATE", nargs="?", help=meaning)
    _add_target(init)
    init.add_argument("-o", "--out", metavar="CONFIG", help="output file (default: named like the first argument)")
    init.add_argument("--force", action="store_true", help="replace an existing file")
    init.add_argument("--list", action="store_true", help="show the templates")
    init.set_defaults(command=_init)

    data = add_command(commands, "data", "profile a table", "data flats.csv --target rent")
    data.add_argument("table", metavar="TABLE", help="a file")
    _add_target(data)
    data.add_argument("--json", action="store_true", help="print the complete profile as JSON")
    data.set_defaults(command=_data)


def _add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target", metavar="NAME[,NAME]", help="the column to predict, or several, separated by commas"
    )
    parser.add_argument("--task", choices=TASKS, help="the task (default: inferred from the target)")


def _init(arguments: argparse.Namespace) -> None:
    from nnlite.charts import aligned_lines
    from nnlite.experiment.starting import init_config, init_image_config, template_text, templates
    from nnlite.saving import write_text

    start = arguments.start
    if arguments.list:
        print("\n".join(aligned_lines(list(templates().items()))))
        return
    if start is None:
        raise ConfigError("nothing to start from: name a table, a folder of images or a template of nnlite init --list")
    check_table(start)
    is_table = os.path.exists(start) or "." in Path(start).name
    out = arguments.out or f"{Path(start).name.split('.')[0] or 'config'}.yaml"
    if os.path.lexists(out) and not arguments.force:
        raise ConfigError(f"{out}: already exists; choose another name by -o, or replace it by --force")
    check_folder(out)
    profile = rows = None
    if os.path.isdir(start):
        _check_folder_options(arguments)
        profile, text = init_image_config(start, out)
    elif is_table:
        profile, text = init_config(start, arguments.target or (), arguments.task, out)
        rows = profile.rows
    else:
        text = template_text(start)
    write_text(out, text)  # before a reader of the profile, such as `head`, may close the pipe
    print(*([] if profile is None else [f"{profile}\n"]), f"written: {out}", f"next: nnlite train {out}", sep="\n")
    if rows is not None and rows < FEW_ROWS:
        print(f"few rows, few of which are for a test: nnlite train {out} --folds 5 measures each of them")


def _check_folder_options(arguments: argparse.Namespace) -> None:
    if arguments.target or arguments.task:
        raise ConfigError(
            f"{arguments.start}: a folder has no columns, leave out --target and --task; the label of an image is its "
            "folder"
        )


def _data(arguments: argparse.Namespace) -> None:
    from nnlite.experiment.starting import look_at

    check_table(arguments.table)
    profile = look_at(arguments.table, arguments.target or (), arguments.task)
    print(json.dumps(profile.to_dict(), indent=2) if arguments.json else profile)
