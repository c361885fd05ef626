"""Raw tables of any make, read as named columns of numbers, booleans, categories and dates."""

from nnlite.data.frames.frame import *
from nnlite.data.frames.reading import *
