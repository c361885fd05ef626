"""The contents of `keras.preprocessing`, under the same names."""

from nnlite.preprocessing import image as image, sequence as sequence
from nnlite.utils import (
    image_dataset_from_directory as image_dataset_from_directory,
    text_dataset_from_directory as text_dataset_from_directory,
    timeseries_dataset_from_array as timeseries_dataset_from_array,
)
