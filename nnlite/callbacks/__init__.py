"""Callbacks, which run during training, with Keras's names and semantics."""

from typing import TYPE_CHECKING

from nnlite.callbacks.base import *
from nnlite.callbacks.history import *
from nnlite.callbacks.monitor import *
from nnlite.callbacks.progress import *
from nnlite.callbacks.stopping import *
from nnlite.registry.names import opened_later

if TYPE_CHECKING:
    from nnlite.callbacks.names import *
else:
    __getattr__, __dir__ = opened_later(__name__)
