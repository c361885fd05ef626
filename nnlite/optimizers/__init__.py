"""Optimizers and learning-rate schedules."""

from nnlite.optimizers.adam import Adam as Adam
from nnlite.optimizers.adam import AdamW as AdamW
from nnlite.optimizers.base import Optimizer as Optimizer
from nnlite.optimizers.rmsprop import RMSprop as RMSprop
from nnlite.optimizers.schedules import ExponentialDecay as ExponentialDecay
from nnlite.optimizers.schedules import LearningRateSchedule as LearningRateSchedule
from nnlite.optimizers.sgd import SGD as SGD
