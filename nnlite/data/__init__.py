"""Data sources, the split into parts, and the encoders between raw data and a network's arrays."""

from nnlite.data.datasets.images import *
from nnlite.data.datasets.lazy import *
from nnlite.data.datasets.text import *
from nnlite.data.datasets.timeseries import *
from nnlite.data.encoders.columns import *
from nnlite.data.encoders.dates import *
from nnlite.data.encoders.inputs import *
from nnlite.data.encoders.tables import *
from nnlite.data.encoders.targets import *
from nnlite.data.frames.frame import *
from nnlite.data.frames.reading import *
from nnlite.data.pipeline import *
from nnlite.data.sources.base import *
from nnlite.data.sources.csv import *
from nnlite.data.sources.idx import *
from nnlite.data.sources.inline import *
from nnlite.data.sources.npz import *
from nnlite.data.sources.sklearn import *
from nnlite.data.sources.synthetic import *
from nnlite.data.splits import *
from nnlite.data.storage.arrays import *
from nnlite.data.storage.stored_tables import *
from nnlite.data.table import *
