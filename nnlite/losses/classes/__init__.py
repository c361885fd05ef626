"""Classification losses beyond the cross-entropies: focal, noise-tolerant, overlap, embedding losses."""

from nnlite.losses.classes.circle import *
from nnlite.losses.classes.ctc import *
from nnlite.losses.classes.focal import *
from nnlite.losses.classes.generalized import *
from nnlite.losses.classes.overlap import *
