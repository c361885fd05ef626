"""Names of `keras.utils`."""

from nnlite.data.numbered import PyDataset
from nnlite.features import FeatureSpace as FeatureSpace
from nnlite.utils.arrays import *
from nnlite.utils.custom import *
from nnlite.utils.division import *
from nnlite.utils.downloads import *
from nnlite.utils.images import *
from nnlite.utils.objects import *
from nnlite.utils.pictures import *
from nnlite.utils.progress import *
from nnlite.utils.types import *

Sequence = PyDataset  # its name before Keras 3
