"""Losses, under the names and defaults of Keras 3."""

from typing import TYPE_CHECKING

from nnlite.losses.base import *
from nnlite.losses.classes import *
from nnlite.losses.classification import *
from nnlite.losses.elementwise import *
from nnlite.losses.functional import *
from nnlite.losses.numbers import *
from nnlite.losses.regression import *
from nnlite.losses.rows import *
from nnlite.registry.names import opened_later

if TYPE_CHECKING:
    from nnlite.losses.names import *
else:
    __getattr__, __dir__ = opened_later(__name__)
