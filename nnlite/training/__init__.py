"""The training loop: it knows a step and callbacks, nothing else."""

from nnlite.training.train_step import Steps
from nnlite.training.trainer import Trainer

__all__ = ["Steps", "Trainer"]
