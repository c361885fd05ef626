"""The training loop: it works with steps, callbacks, and the part of a model that `Trainable` defines."""

from nnlite.training.outputs import OutputsTrainer
from nnlite.training.train_step import Steps
from nnlite.training.trainable import Trainable
from nnlite.training.trainer import Trainer

__all__ = ["OutputsTrainer", "Steps", "Trainable", "Trainer"]
