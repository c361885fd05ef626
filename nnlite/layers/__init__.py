"""Layers: differentiable functions with parameters, under the names and defaults of Keras 3."""

from nnlite.layers.activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from nnlite.layers.base import Layer
from nnlite.layers.chain import Chain
from nnlite.layers.core import Dense, Embedding, Identity, Input
from nnlite.layers.normalization import BatchNormalization, LayerNormalization
from nnlite.layers.preprocessing import Cast, Normalization, Rescaling
from nnlite.layers.regularization import Dropout
from nnlite.layers.reshaping import Flatten, Reshape

__all__ = [
    "ELU",
    "Activation",
    "BatchNormalization",
    "Cast",
    "Chain",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
]
