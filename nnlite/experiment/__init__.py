"""Experiments: a YAML file becomes calls of the public API, and a run folder."""

from nnlite.experiment.commands import explain, profile
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.measuring import measure
from nnlite.experiment.runs import Run, write_table
from nnlite.experiment.search import Search
from nnlite.experiment.training import Interrupted, train

__all__ = ["Experiment", "Interrupted", "Run", "Search", "explain", "measure", "profile", "train", "write_table"]
