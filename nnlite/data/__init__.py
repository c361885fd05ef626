"""Data sources, the split into parts, and the encoders between raw data and a network's arrays."""

from nnlite.data.datasets import *
from nnlite.data.encoders import *
from nnlite.data.idx import *
from nnlite.data.images import *
from nnlite.data.preparation import *
from nnlite.data.section import *
from nnlite.data.sources import *
from nnlite.data.splits import *
from nnlite.data.synthetic import *
from nnlite.data.table import *
