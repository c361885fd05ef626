"""Defaults under the names of `keras.config`, and global switches."""

from nnlite.config.defaults import *
from nnlite.config.switches import *
