"""The encoders of a table's columns, as a config says or else as their kinds suggest."""

from nnlite.data.encoders.fitting.table import *
