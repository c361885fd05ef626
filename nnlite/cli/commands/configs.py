"""`nnlite config`, `list` and `schema`: what configs are made of."""

import argparse
import json

from nnlite.cli.arguments import Commands, add_command, add_config

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `config`, `list` and `schema`."""
    example = "config configs/digits.yaml\nconfig configs/digits.yaml --render --set fit.epochs=5"
    meaning = "check a config without its data, or print it with all defaults"
    config = add_command(commands, "config", meaning, example)
    add_config(config)
    config.add_argument(
        "--render", action="store_true", help="print the whole config, with includes, references and defaults resolved"
    )
    config.add_argument("--json", action="store_true", help="print it as JSON")
    config.set_defaults(command=_config)

    example = "list layers\nlist layers Dense"
    meaning = "list the classes that a config can name, with their arguments"
    listing = add_command(commands, "list", meaning, example)
    listing.add_argument(
        "kind", metavar="KIND", nargs="?", help="layers, losses, metrics, ..., or a class (default: list the kinds)"
    )
    listing.add_argument("name", metavar="NAME", nargs="?", help="show the arguments of this class")
    listing.set_defaults(command=_list)

    example = "schema -o nnlite.schema.json"
    schema = add_command(commands, "schema", "write the JSON Schema of configs, for editors", example)
    schema.add_argument("-o", "--out", metavar="FILE", help="output file (default: standard output)")
    schema.set_defaults(command=_schema)


def _config(arguments: argparse.Namespace) -> None:
    from nnlite.experiment import Experiment

    experiment = Experiment.from_file(arguments.config, arguments.set)
    experiment.check()
    if arguments.json:
        print(json.dumps(experiment.rendered(), indent=2))
    elif arguments.render:
        from nnlite.documents import dump

        print(dump(experiment.rendered()), end="")
    else:
        print(f"{arguments.config}: ok")


def _list(arguments: argparse.Namespace) -> None:
    from nnlite.experiment.catalogue import catalogue

    print(catalogue(arguments.kind, arguments.name))


def _schema(arguments: argparse.Namespace) -> None:
    from nnlite.experiment.schema import config_schema
    from nnlite.saving import write_text

    text = json.dumps(config_schema(), indent=1) + "\n"
    if arguments.out is None:
        print(text, end="")
    else:
        write_text(arguments.out, text)
