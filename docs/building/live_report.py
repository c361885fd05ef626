"""The report of a real run, trained while the site is built from one of the configs that come with nnlite."""

import tempfile
from pathlib import Path

from nnlite.experiment import Experiment, train
from nnlite.report import Report

__all__ = ["PLACE", "write_report"]

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "breast_cancer.yaml"
PLACE = "live/breast_cancer.html"


def write_report(site: Path) -> None:
    """Train, and write the page into the built site."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(Experiment.from_file(CONFIG), out=Path(folder) / "run", quiet=True)
        page = site / PLACE
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(Report(run).html, encoding="utf-8")
