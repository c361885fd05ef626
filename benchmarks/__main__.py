"""nnlite compared with other engines, and how its time grows.

    python -m benchmarks run [--peers torch,jax,keras,sklearn,thinc] [--python PATH] [--threads 1|2] [--case NAME]
    python -m benchmarks growth [--threads 1|2]
    python -m benchmarks report FILE.json

The peers are installed in an environment of their own, whose interpreter is PATH:

    python3 -m venv PEERS && PEERS/bin/pip install numpy scikit-learn torch==2.13.0 jax jaxlib keras thinc
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

from benchmarks.cases import BY_NAME, CASES
from benchmarks.report import markdown, write_between_markers
from benchmarks.runner import FAMILIES, ROOT, machine, run_case
from benchmarks.whole import TITLES, run_whole

DOCUMENT = ROOT / "docs" / "performance.md"


def main(arguments=None):
    options = _options(arguments)
    if options.command == "growth":
        from benchmarks.growth import run_growth

        run_growth(options, DOCUMENT)
        return
    results = json.loads(Path(options.file).read_text()) if options.command == "report" else _run(options)
    text = markdown(results)
    print(text)
    if options.docs:
        write_between_markers(DOCUMENT, f"run {results['batches']} {results['threads']}", text)


def _run(options):
    results = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": machine(),
        **{name: getattr(options, name) for name in ("threads", "rounds", "batches", "kernels")},
        "results": [],
    }
    for name in options.case or [*CASES, *TITLES]:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found = run_whole(name, options) if name in TITLES else run_case(BY_NAME[name], options)
        results["results"].append(found)
        if options.out:
            Path(options.out).write_text(json.dumps(results))
    return results


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="compare with peers")
    run.add_argument(
        "--peers", type=_peers, default=list(FAMILIES), help=f"any of {','.join(FAMILIES)}; all by default"
    )
    run.add_argument("--python", default=sys.executable, help="interpreter of the peers' environment")
    run.add_argument("--case", action="append", choices=[*BY_NAME, *TITLES], metavar="NAME", help="may be repeated")
    run.add_argument("--batches", choices=["numpy", "converted"], default="numpy", help="how they are handed over")
    run.add_argument("--out", help="a file for the results as JSON")
    growth = commands.add_parser("growth", help="step time against width, depth and batch")
    growth.add_argument("--plot", help="a file for the plot")
    for command in (run, growth):
        command.add_argument("--threads", type=int, choices=[1, 2], default=1)
        command.add_argument("--rounds", type=int, default=20)
        command.add_argument("--kernels", help="what nnlite's processes find in NNLITE_KERNELS")
    report = commands.add_parser("report", help="the tables of an earlier run")
    report.add_argument("file")
    for command in (run, growth, report):
        command.add_argument("--docs", action="store_true", help=f"write the tables into {DOCUMENT.name}")
    return parser.parse_args(arguments)


def _peers(text):
    names = [name for name in text.split(",") if name and name != "none"]
    unknown = set(names) - set(FAMILIES)
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(FAMILIES)}")
    return names


if __name__ == "__main__":
    main()
