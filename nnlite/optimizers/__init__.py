"""Optimizers, under the names and defaults of Keras 3, and learning-rate schedules."""

from nnlite.optimizers.adagrad import *
from nnlite.optimizers.adam import *
from nnlite.optimizers.adamax import *
from nnlite.optimizers.base import *
from nnlite.optimizers.ftrl import *
from nnlite.optimizers.full_batch import *
from nnlite.optimizers.layerwise import *
from nnlite.optimizers.lion import *
from nnlite.optimizers.loss_scale import *
from nnlite.optimizers.multiple import *
from nnlite.optimizers.rmsprop import *
from nnlite.optimizers.schedule_free import *
from nnlite.optimizers.schedules import *
from nnlite.optimizers.sgd import *

from nnlite.optimizers.functions import *  # isort: skip - get, serialize and deserialize are those of optimizers
