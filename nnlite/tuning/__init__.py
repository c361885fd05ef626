"""Searching for the arguments of a config, by Optuna: `tune` runs trials, a `Study` is what they have found."""

from nnlite.tuning.study import *
from nnlite.tuning.tune import *
