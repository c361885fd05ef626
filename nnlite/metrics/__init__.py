"""Metrics, accumulated batch by batch, with Keras's names and formulas."""

from typing import TYPE_CHECKING

from nnlite.metrics.accuracy import *
from nnlite.metrics.base import *
from nnlite.metrics.regression import *
from nnlite.metrics.values import *
from nnlite.metrics.wrappers import *
from nnlite.registry.names import opened_later

if TYPE_CHECKING:
    from nnlite.metrics.names import *
else:
    __getattr__, __dir__ = opened_later(__name__)
