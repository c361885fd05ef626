"""Data sources, the split into parts, and the encoders between raw data and a network's arrays."""

from typing import TYPE_CHECKING

from nnlite.registry.names import opened_later

if TYPE_CHECKING:
    from nnlite.data.names import *
else:
    __getattr__, __dir__ = opened_later(__name__)  # whoever trains on arrays needs few of its modules
