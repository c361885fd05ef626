"""The first config: from a table, by its profile, or from a template."""

from nnlite.experiment.starting.config import *
from nnlite.experiment.starting.tables import *
from nnlite.experiment.starting.templates import *
