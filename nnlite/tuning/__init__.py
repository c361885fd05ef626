"""Search over the arguments of a config, by Optuna: `tune` runs trials, a `Study` holds their results."""

from nnlite.tuning.study import *
from nnlite.tuning.tune import *
