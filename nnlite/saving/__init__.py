"""The one reader and the one writer of model files, and the format that they use."""

from nnlite.saving.model_files import *
from nnlite.saving.text_files import *
