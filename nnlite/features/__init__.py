"""Table columns, each preprocessed in its own way, as one array."""

from nnlite.features.columns import *
from nnlite.features.space import *
