"""Encoders between labels or amounts and the targets of a network, in both directions."""

from nnlite.data.encoders.targets.base import *
from nnlite.data.encoders.targets.classes import *
from nnlite.data.encoders.targets.fitting import *
from nnlite.data.encoders.targets.labels import *
from nnlite.data.encoders.targets.quantities import *
from nnlite.data.encoders.targets.reading import *
