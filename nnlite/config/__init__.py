"""Defaults of what is made from now on, under the names of `keras.config`, and switches for all calls."""

from nnlite.config.defaults import *
from nnlite.config.switches import *
