"""Experiments: a YAML file becomes calls of the public API, and a run folder."""

from nnlite.experiment.experiment import Experiment
from nnlite.experiment.runs import Interrupted, Run, measure, train, write_table

__all__ = ["Experiment", "Interrupted", "Run", "measure", "train", "write_table"]
