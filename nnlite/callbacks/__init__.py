"""Callbacks: what happens around the training loop, with Keras's names and semantics."""

from nnlite.callbacks.around import *
from nnlite.callbacks.base import *
from nnlite.callbacks.checkpoints import *
from nnlite.callbacks.history import *
from nnlite.callbacks.learning_rate import *
from nnlite.callbacks.logging import *
from nnlite.callbacks.members import *
from nnlite.callbacks.monitor import *
from nnlite.callbacks.progress import *
from nnlite.callbacks.stopping import *
from nnlite.callbacks.tensorboard import *
from nnlite.callbacks.tracking import *
