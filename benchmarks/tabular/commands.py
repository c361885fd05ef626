"""`python -m benchmarks tabular run|report|data`."""

import argparse
import datetime
import sys
from typing import Any

from benchmarks.options import some_of
from benchmarks.report import table, write_between_markers
from benchmarks.runner import ROOT, machine
from benchmarks.tabular.peers import PEERS
from benchmarks.tabular.report import markdown
from benchmarks.tabular.run import Workers, append, available, line, read, run, to_do
from benchmarks.tabular.sets import HOUSING, TABLES

DOCUMENT, SECTION = ROOT / "docs" / "tables.md", "tabular"


def add_to(commands: Any) -> None:
    """Declare the command and its options."""
    parser = commands.add_parser("tabular", help="how good default models are on real tables")
    parts = parser.add_subparsers(dest="part", required=True)
    tries = parts.add_parser("run", help="fit what has not been fitted yet")
    shows = parts.add_parser("report", help="the tables of a run")
    sizes = parts.add_parser("data", help="what the tables are like")
    for part, act in ((tries, _run), (shows, _report), (sizes, _data)):
        part.set_defaults(act=act)
        tables = f"of {','.join(TABLES)}; all"
        part.add_argument("--sets", type=some_of(list(TABLES)), default=list(TABLES), help=tables)
    for part in (tries, sizes):
        part.add_argument("--python", default=sys.executable, help="interpreter of the peers' environment")
        part.add_argument("--housing", metavar="CSV", help=f"the housing table, which no package has; or {HOUSING}")
    for part in (tries, shows):
        part.add_argument("--peers", type=some_of(list(PEERS)), default=list(PEERS), help=f"of {','.join(PEERS)}; all")
        part.add_argument("--splits", type=int, default=5, help="the first so many; 5")
    _run_options(tries)
    shows.add_argument("files", nargs="*", default=["tabular.jsonl"])
    shows.add_argument("--reference", choices=PEERS, default="catboost", help="whose loss the others' are divided by")
    shows.add_argument("--docs", action="store_true", help=f"write the tables into {DOCUMENT.name}")


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, default=1, help="fits at a time; 1")
    parser.add_argument("--limit", type=int, default=1800, help="processor seconds for one fit; 1800")
    parser.add_argument("--retry", action="store_true", help="fits that failed are tried again")
    parser.add_argument("--out", default="tabular.jsonl", help="a file for the records; those in it are not run again")


def _run(options: argparse.Namespace) -> None:
    workers = Workers(options.python, options.housing)
    tables, peers = available(workers, options.sets, options.peers)
    jobs = to_do(tables, peers, options.splits, read(options.out), options.retry)
    if jobs:
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        append(options.out, {"date": today, "machine": machine()})
    for number, record in enumerate(run(workers, jobs, options.out, options.limit, options.workers), 1):
        print(f"{number}/{len(jobs)} {line(record)}", flush=True)


def _report(options: argparse.Namespace) -> None:
    wanted = [record for path in options.files for record in read(path) if _is_wanted(record, options)]
    text = markdown(wanted, options.reference)
    print(text)
    if options.docs:
        write_between_markers(DOCUMENT, SECTION, text)


def _is_wanted(record, options):
    if "table" not in record:
        return True
    chosen = record["table"] in options.sets and record["peer"] in options.peers
    return chosen and record["split"] < options.splits


def _data(options: argparse.Namespace) -> None:
    workers = Workers(options.python, options.housing)
    rows = [["table", "rows", "numbers", "texts", "most levels", "rows with gaps", "classes"]]
    for name in available(workers, options.sets, [])[0]:
        found = workers.ask("sizes", name)
        cells = [found[key] for key in ("rows", "numbers", "texts", "levels", "gaps", "classes")]
        rows.append([name, *("-" if cell is None else f"{cell:,}" for cell in cells)])
    print(table(rows))
