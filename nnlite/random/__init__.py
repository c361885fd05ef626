"""Random numbers without hidden state: streams by seed and purpose, and Keras's functions on top of them."""

from nnlite.random.functions import *
from nnlite.random.streams import *
