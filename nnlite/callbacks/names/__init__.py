"""The names of the room `nnlite.callbacks` that most trainings do without: loaded when one of them is asked for."""

from nnlite.callbacks.around import *
from nnlite.callbacks.checkpoints import *
from nnlite.callbacks.learning_rate import *
from nnlite.callbacks.logging import *
from nnlite.callbacks.members import *
from nnlite.callbacks.tensorboard import *
from nnlite.callbacks.tracking import *
