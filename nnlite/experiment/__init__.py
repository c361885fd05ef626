"""Experiments: a YAML file becomes calls of the public API, and a run folder."""

from nnlite.experiment.commands import explain, profile
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.folds import cross_validate, format_folds
from nnlite.experiment.measuring import Judgement, format_metrics, judge, measure
from nnlite.experiment.runs import Run, write_table
from nnlite.experiment.training import Interrupted, train

__all__ = [
    "Experiment",
    "Interrupted",
    "Judgement",
    "Run",
    "cross_validate",
    "explain",
    "format_folds",
    "format_metrics",
    "judge",
    "measure",
    "profile",
    "train",
    "write_table",
]
