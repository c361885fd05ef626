"""Callbacks made of functions, and those that back up a training, swap its weights, or tell others of it."""

from nnlite.callbacks.around.averages import *
from nnlite.callbacks.around.backup import *
from nnlite.callbacks.around.functions import *
from nnlite.callbacks.around.remote import *
