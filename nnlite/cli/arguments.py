"""Arguments that several commands have in common."""

import argparse

__all__ = ["add_config", "add_run"]


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


def add_run(parser: argparse.ArgumentParser, meaning: str = "a run folder") -> None:
    """Add the run folder."""
    parser.add_argument("run", metavar="RUN", help=meaning)
