"""The names of the room `nnlite.metrics` that most trainings do without: loaded when one of them is asked for."""

from nnlite.metrics.confusion import *
from nnlite.metrics.correlations import *
from nnlite.metrics.curves import *
from nnlite.metrics.f_scores import *
from nnlite.metrics.functions import *
from nnlite.metrics.overlap import *
from nnlite.metrics.top_k import *
