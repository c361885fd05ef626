"""Trackers of experiments: the logs of a training on a server or service that keeps those of many."""

from nnlite.callbacks.tracking.mlflow import *
from nnlite.callbacks.tracking.wandb import *
