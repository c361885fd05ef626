"""The first config: from a table, by a look at it, or from a template."""

from nnlite.experiment.starting.config import *
from nnlite.experiment.starting.tables import *
from nnlite.experiment.starting.templates import *
