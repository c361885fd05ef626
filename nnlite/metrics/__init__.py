"""Metrics: figures of merit that are gathered batch by batch, with Keras's names and formulas."""

from nnlite.metrics.accuracy import *
from nnlite.metrics.base import *
from nnlite.metrics.confusion import *
from nnlite.metrics.correlations import *
from nnlite.metrics.curves import *
from nnlite.metrics.f_scores import *
from nnlite.metrics.functions import *
from nnlite.metrics.overlap import *
from nnlite.metrics.regression import *
from nnlite.metrics.top_k import *
from nnlite.metrics.values import *
from nnlite.metrics.wrappers import *
