"""Networks as transformers: features of a hidden layer, codes of an autoencoder, embeddings of categories."""

from nnlite.estimators.family.autoencoder import *
from nnlite.estimators.family.embedder import *
from nnlite.estimators.family.transformer import *
