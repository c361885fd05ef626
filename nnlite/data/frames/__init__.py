"""Raw tables of any library, read as named columns of numbers, booleans, categories and dates."""

from nnlite.data.frames.frame import *
from nnlite.data.frames.reading import *
