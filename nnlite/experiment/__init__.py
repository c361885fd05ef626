"""Experiments: a YAML file becomes calls of the public API, and a run folder."""

from nnlite.experiment.commands import explain, profile
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.graphs import ModelGraph, ModelInput
from nnlite.experiment.measuring import measure
from nnlite.experiment.runs import Run
from nnlite.experiment.training import Interrupted, train
from nnlite.trained.writing import write_table

__all__ = [
    "Experiment",
    "Interrupted",
    "ModelGraph",
    "ModelInput",
    "Run",
    "explain",
    "measure",
    "profile",
    "train",
    "write_table",
]
