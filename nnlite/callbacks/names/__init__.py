"""The names of `nnlite.callbacks` that are loaded on first use."""

from nnlite.callbacks.around import *
from nnlite.callbacks.checkpoints import *
from nnlite.callbacks.learning_rate import *
from nnlite.callbacks.logging import *
from nnlite.callbacks.members import *
from nnlite.callbacks.tensorboard import *
from nnlite.callbacks.tracking import *
