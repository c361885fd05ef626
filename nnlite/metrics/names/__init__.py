"""The names of `nnlite.metrics` that are loaded on first use."""

from nnlite.metrics.confusion import *
from nnlite.metrics.correlations import *
from nnlite.metrics.curves import *
from nnlite.metrics.f_scores import *
from nnlite.metrics.functions import *
from nnlite.metrics.overlap import *
from nnlite.metrics.top_k import *
