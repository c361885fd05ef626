"""Names of `keras.utils`."""

from nnlite.config import (
    disable_interactive_logging as disable_interactive_logging,
    enable_interactive_logging as enable_interactive_logging,
    is_interactive_logging_enabled as is_interactive_logging_enabled,
)
from nnlite.data.datasets.audio import audio_dataset_from_directory as audio_dataset_from_directory
from nnlite.data.datasets.images import image_dataset_from_directory as image_dataset_from_directory
from nnlite.data.datasets.text import text_dataset_from_directory as text_dataset_from_directory
from nnlite.data.datasets.timeseries import timeseries_dataset_from_array as timeseries_dataset_from_array
from nnlite.data.numbered import PyDataset
from nnlite.features import FeatureSpace as FeatureSpace
from nnlite.utils import bounding_boxes as bounding_boxes
from nnlite.utils.arrays import *
from nnlite.utils.custom import *
from nnlite.utils.division import *
from nnlite.utils.downloads import *
from nnlite.utils.images import *
from nnlite.utils.objects import *
from nnlite.utils.pictures import *
from nnlite.utils.progress import *
from nnlite.utils.settings import *
from nnlite.utils.types import *

Sequence = PyDataset  # its name before Keras 3
