"""User-defined functions as losses."""

from nnlite.losses.functional.function import *
