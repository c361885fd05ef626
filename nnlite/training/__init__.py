"""The training loop: it knows a step and callbacks, and of a model what `Trainable` says."""

from nnlite.training.outputs import OutputsTrainer
from nnlite.training.train_step import Steps
from nnlite.training.trainable import Trainable
from nnlite.training.trainer import Trainer

__all__ = ["OutputsTrainer", "Steps", "Trainable", "Trainer"]
