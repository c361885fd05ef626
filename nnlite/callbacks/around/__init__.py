"""Callbacks that back up a training, swap its weights, or report its progress elsewhere."""

from nnlite.callbacks.around.averages import *
from nnlite.callbacks.around.backup import *
from nnlite.callbacks.around.remote import *
