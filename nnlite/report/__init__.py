"""Reports on run folders: a report of one, a comparison of several, a table of all."""

from nnlite.report.comparing import Comparison, compare
from nnlite.report.listing import RunTable, list_runs
from nnlite.report.report import Report
from nnlite.report.study import StudyReport, holds_study

__all__ = ["Comparison", "Report", "RunTable", "StudyReport", "compare", "holds_study", "list_runs"]
