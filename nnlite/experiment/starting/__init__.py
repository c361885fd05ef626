"""The first config: from a table, by its profile, from a folder of images, or from a template."""

from nnlite.experiment.starting.config import *
from nnlite.experiment.starting.images import *
from nnlite.experiment.starting.tables import *
from nnlite.experiment.starting.templates import *
