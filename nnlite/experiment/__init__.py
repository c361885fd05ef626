"""Experiments: a YAML file becomes calls of the public API, and a run folder."""

from nnlite.experiment.commands import explain, profile
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.runs import Interrupted, Run, measure, train, write_table

__all__ = ["Experiment", "Interrupted", "Run", "explain", "measure", "profile", "train", "write_table"]
