"""Experiment trackers: the logs of a training on a tracking server or service."""

from nnlite.callbacks.tracking.mlflow import *
from nnlite.callbacks.tracking.wandb import *
