"""Losses of classes beyond the cross-entropies: focal, noise-tolerant, of overlap, of embeddings."""

from nnlite.losses.classes.circle import *
from nnlite.losses.classes.ctc import *
from nnlite.losses.classes.focal import *
from nnlite.losses.classes.generalized import *
from nnlite.losses.classes.overlap import *
