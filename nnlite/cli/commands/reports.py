"""`nnlite report`, `compare` and `runs`: inspection of trained runs."""

import argparse
import webbrowser

from nnlite.cli.arguments import Commands, add_command, add_run, check_folder
from nnlite.errors import ConfigError

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add `report`, `compare` and `runs`."""
    report = add_command(
        commands,
        "report",
        "write the report of a run, a self-contained HTML page",
        "report runs/digits-1 --open",
    )
    add_run(report, "a run folder, or the folder of a search")
    report.add_argument("-o", "--out", metavar="FILE", help="output file (default: RUN/report.html)")
    report.add_argument("--open", action="store_true", help="open the report in the browser")
    report.add_argument("--png", action="store_true", help="also save a screenshot, with Chromium, Chrome or Edge")
    report.add_argument("--dark", action="store_true", help="use dark colors in the screenshot")
    report.add_argument(
        "--width", type=int, default=1200, metavar="PIXELS", help="width of the screenshot (default: 1200)"
    )
    report.set_defaults(command=_report)

    compare = add_command(
        commands,
        "compare",
        "compare the configs and metrics of several runs",
        "compare runs/digits-1 runs/digits-2",
    )
    compare.add_argument("runs", metavar="RUN", nargs="+", help="run folders, two or more")
    compare.add_argument("--html", metavar="FILE", help="also write an HTML page with curves")
    compare.set_defaults(command=_compare)

    runs = add_command(commands, "runs", "list the runs of a folder", "runs --sort accuracy")
    runs.add_argument("folder", metavar="FOLDER", nargs="?", default="runs", help="folder of the runs (default: runs)")
    runs.add_argument("--sort", metavar="METRIC", help="best first by a metric, such as accuracy or validation.loss")
    runs.set_defaults(command=_runs)


def _report(arguments: argparse.Namespace) -> None:
    from nnlite.report import Report, StudyReport, holds_study
    from nnlite.report.browser import save_png

    if arguments.width < 300:
        raise ConfigError(f"--width: 300 pixels or more, got {arguments.width}")
    if arguments.dark and not arguments.png:
        raise ConfigError("--dark is for the picture of --png; the page follows the reader's system")
    if arguments.out is not None:
        check_folder(arguments.out)
    report = StudyReport(arguments.run) if holds_study(arguments.run) else Report(arguments.run)
    path = report.save(arguments.out)
    print(f"report: {path}")
    if arguments.png:
        print(f"picture: {save_png(report.html, path.with_suffix('.png'), arguments.width, arguments.dark)}")
    if arguments.open and not webbrowser.open(path.resolve().as_uri()):
        print("no browser could be started; open the file yourself")


def _compare(arguments: argparse.Namespace) -> None:
    from nnlite.report import compare
    from nnlite.saving import write_text

    comparison = compare(arguments.runs)
    print(comparison)
    if arguments.html is not None:
        check_folder(arguments.html)
        write_text(arguments.html, comparison.html)
        print(f"\npage: {arguments.html}")


def _runs(arguments: argparse.Namespace) -> None:
    from nnlite.report import list_runs

    print(list_runs(arguments.folder, arguments.sort))
