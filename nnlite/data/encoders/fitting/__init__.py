"""The encoders of a table's columns, from the config or else by their kinds."""

from nnlite.data.encoders.fitting.table import *
