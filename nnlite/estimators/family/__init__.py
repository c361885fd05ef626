"""Networks as transformers: features of an inner layer, codes of an autoencoder, vectors of categories."""

from nnlite.estimators.family.autoencoder import *
from nnlite.estimators.family.embedder import *
from nnlite.estimators.family.transformer import *
