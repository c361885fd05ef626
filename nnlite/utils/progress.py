"""A progress bar for user-written loops."""

from nnlite.callbacks.bars import Progbar

__all__ = ["Progbar"]
