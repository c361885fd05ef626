"""A trained model that maps raw rows to labels and amounts, from one file, with NumPy alone."""

from nnlite.trained.explaining.explanation import *
from nnlite.trained.loading import *
from nnlite.trained.model import *
from nnlite.trained.schema import *
