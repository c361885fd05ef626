"""Checks of derivatives and of good conduct: of an op, a layer, a loss or a whole model, built-in or custom."""

from nnlite.check.configs import *
from nnlite.check.layers import *
from nnlite.check.losses import *
from nnlite.check.models import *
from nnlite.check.monotone import *
from nnlite.check.report import *
