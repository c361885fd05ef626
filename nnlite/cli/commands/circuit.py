"""`nnlite circuit`: queries a Bayesian network in a BIF file, and learns its tables from rows."""

import argparse
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nnlite.cli.arguments import Commands, add_command, check_folder
from nnlite.errors import ConfigError

__all__ = ["add_commands"]

MOST_STATES_SHOWN = 6


def add_commands(commands: Commands) -> None:
    """Add `circuit` with its own commands."""
    example = "circuit info clinic.bif\ncircuit query clinic.bif --rows patients.csv --marginals flu,tumour"
    circuit = add_command(commands, "circuit", "query a Bayesian network in a BIF file", example)
    circuit.set_defaults(command=lambda _: circuit.print_help() or 2)
    inner = circuit.add_subparsers(metavar="COMMAND")
    _add(inner, "info", "show variables, width and layers", "info clinic.bif", _info)
    query = _add(
        inner,
        "query",
        "log P and posteriors of each row",
        "query clinic.bif --rows patients.csv --marginals all -o posteriors.csv",
        _query,
    )
    query.add_argument("--marginals", metavar="all|A,B", default="all", help="the variables to query (default: all)")
    mpe = _add(inner, "mpe", "the most probable complete row for each row", "mpe clinic.bif --rows patients.csv", _mpe)
    for command in (query, mpe):
        command.add_argument(
            "--rows",
            metavar="CSV",
            help="rows of evidence, a column for each variable that is known; "
            "empty cells are missing (default: one row without evidence)",
        )
    sample = _add_sample(inner)
    _add_learn(inner)
    for command in (query, mpe, sample):
        command.add_argument("-o", "--out", metavar="CSV", help="output file (default: standard output)")


def _add_sample(inner: Commands) -> argparse.ArgumentParser:
    sample = _add(inner, "sample", "draw complete rows", "sample clinic.bif -n 1000 --seed 0 -o rows.csv", _sample)
    sample.add_argument("-n", type=int, default=10, metavar="N", help="number of rows (default: 10)")
    sample.add_argument("--seed", type=int, help="seed of the random numbers")
    sample.add_argument("--given", metavar="A=STATE", nargs="+", default=[], help="states that all rows have")
    return sample


def _add_learn(inner: Commands) -> None:
    learn = _add(
        inner,
        "learn",
        "fit the tables to rows, which may be incomplete, by expectation maximization",
        "learn clinic.bif --rows patients.csv --save trained.bif",
        _learn,
    )
    learn.add_argument("--rows", metavar="CSV", required=True, help="rows, a column for each variable that is known")
    learn.add_argument("--save", metavar="BIF", required=True, help="output file of the trained network")
    learn.add_argument("--epochs", type=int, default=100, help="passes over the rows (default: 100)")
    learn.add_argument("--pseudocount", type=float, default=0.0, help="added to each count (default: 0)")


def _add(commands: Commands, name: str, help: str, example: str, command: Any) -> argparse.ArgumentParser:
    parser = add_command(commands, name, help, f"circuit {example}")
    parser.add_argument("network", metavar="NET.bif", help="a BIF file")
    parser.set_defaults(command=command)
    return parser


def _circuit(arguments: argparse.Namespace) -> Any:
    from nnlite.circuits import BayesianNetwork, Circuit

    return Circuit(BayesianNetwork.from_bif(arguments.network))


def _info(arguments: argparse.Namespace) -> None:
    circuit = _circuit(arguments)
    network = circuit.network
    circuit.summary()
    print()
    for name in network.variables:
        states = network.states[name]
        shown = ", ".join(states[:MOST_STATES_SHOWN]) + (", ..." if len(states) > MOST_STATES_SHOWN else "")
        print(f"{name}: {shown}" + (f"  | {', '.join(network.parents[name])}" if network.parents[name] else ""))
    for note in network.notes:
        print(f"note: {note}")


def _query(arguments: argparse.Namespace) -> None:
    circuit = _circuit(arguments)
    network = circuit.network
    wanted = network.variables if arguments.marginals == "all" else _names(arguments.marginals)
    for name in wanted:
        network.index(name)
    with _rows(arguments.rows) as rows:
        logs, marginals = circuit.log_prob(rows), circuit.query(rows, wanted)
    head = ["log_prob", *(f"{name}={state}" for name in wanted for state in network.states[name])]
    lines = (
        [repr(float(log)), *(repr(float(p)) for name in wanted for p in marginals[name][row])]
        for row, log in enumerate(logs)
    )
    _write(arguments.out, head, lines)


def _mpe(arguments: argparse.Namespace) -> None:
    circuit = _circuit(arguments)
    with _rows(arguments.rows) as rows:
        codes, logs = circuit.mpe(rows)
    named = circuit.network.frame(codes)
    lines = ([repr(float(log)), *(state or "" for state in row.values())] for log, row in zip(logs, named, strict=True))
    _write(arguments.out, ["log_prob", *circuit.network.variables], lines)


def _sample(arguments: argparse.Namespace) -> None:
    if arguments.n < 1:
        raise ConfigError(f"-n: expected a number of rows above 0, got {arguments.n}")
    circuit = _circuit(arguments)
    pairs = [pair.partition("=") for pair in arguments.given]
    wrong = next((name for name, sign, _ in pairs if not sign), None)
    if wrong is not None:
        raise ConfigError(f"--given: expected VARIABLE=STATE, got {wrong!r}")
    drawn = circuit.sample(arguments.n, {name: state for name, _, state in pairs} or None, seed=arguments.seed)
    lines = (list(row.values()) for row in circuit.network.frame(drawn))
    _write(arguments.out, circuit.network.variables, lines)


def _learn(arguments: argparse.Namespace) -> None:
    from nnlite.circuits import EM

    check_folder(arguments.save)
    circuit = _circuit(arguments)
    with _rows(arguments.rows) as rows:
        before = circuit.log_prob(rows).mean()
        history = circuit.fit(rows, EM(epochs=arguments.epochs, pseudocount=arguments.pseudocount))
        after = circuit.log_prob(rows).mean()
    circuit.to_bif(arguments.save)
    epochs = len(history["log_likelihood"])
    print(f"{len(rows)} rows, {epochs} epochs: mean log P from {before:.6g} to {after:.6g}; wrote {arguments.save}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@contextmanager
def _rows(path: str | None) -> Iterator[list[dict[str, str | None]]]:
    """The rows of a CSV file by name, empty cells as None; errors about a row inside name the file and its line."""
    from nnlite.circuits import NetworkError

    if path is None:
        yield [{}]
        return
    rows, lines = _read(path)
    try:
        yield rows
    except NetworkError as error:
        line = None if error.row is None else lines[error.row]
        raise NetworkError(error.message, path, line, error.variable, error.row) from None


def _read(path: str) -> tuple[list[dict[str, str | None]], Sequence[int]]:
    from nnlite.data import Table

    table = Table.read(path, {"delimiter": ",", "header": True})
    table.require(table.names)
    rows = zip(*table.columns.values(), strict=True)
    return [dict(zip(table.names, (cell or None for cell in row), strict=True)) for row in rows], table.lines


def _write(path: str | None, head: Sequence[str], lines: Any) -> None:
    from nnlite.saving import write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    if path is None:
        print(text.getvalue(), end="")
    else:
        write_text(path, text.getvalue())
