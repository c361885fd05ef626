"""Functions of a user as losses."""

from nnlite.losses.functional.function import *
