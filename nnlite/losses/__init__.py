"""Losses, under the names and defaults of Keras 3."""

from nnlite.losses.base import *
from nnlite.losses.classes import *
from nnlite.losses.classification import *
from nnlite.losses.elementwise import *
from nnlite.losses.functional import *
from nnlite.losses.functions import *
from nnlite.losses.numbers import *
from nnlite.losses.regression import *
from nnlite.losses.rows import *
