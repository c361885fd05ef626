"""A trained model that takes raw rows and answers in labels and amounts, from one file, on NumPy alone."""

from nnlite.trained.explaining.explanation import *
from nnlite.trained.loading import *
from nnlite.trained.model import *
from nnlite.trained.schema import *
