"""Experiments: a YAML file becomes calls of the public API and a run folder."""

from nnlite.experiment.commands import explain, find_learning_rate, profile
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.folds import cross_validate, format_folds
from nnlite.experiment.graphs import ModelGraph, ModelInput
from nnlite.experiment.judging.calibration import format_calibration
from nnlite.experiment.judging.measuring import Judgement, format_metrics, judge, measure
from nnlite.experiment.running.plan import CheckpointPlan
from nnlite.experiment.runs import Run
from nnlite.experiment.search import Search
from nnlite.experiment.training import Interrupted, Unfinished, resume, train
from nnlite.trained.writing import write_table

__all__ = [
    "CheckpointPlan",
    "Experiment",
    "Interrupted",
    "Judgement",
    "ModelGraph",
    "ModelInput",
    "Run",
    "Search",
    "Unfinished",
    "cross_validate",
    "explain",
    "find_learning_rate",
    "format_calibration",
    "format_folds",
    "format_metrics",
    "judge",
    "measure",
    "profile",
    "resume",
    "train",
    "write_table",
]
