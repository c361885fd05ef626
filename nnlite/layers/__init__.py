"""Layers: differentiable functions with parameters, under the names and defaults of Keras 3."""

from typing import TYPE_CHECKING

from nnlite.layers.base.contract.input_spec import *
from nnlite.layers.base.layer import *
from nnlite.layers.base.serialization import *
from nnlite.layers.composite.branches import *
from nnlite.layers.composite.chain import *
from nnlite.layers.composite.derivatives import *
from nnlite.layers.composite.graph import *
from nnlite.layers.composite.operation import *
from nnlite.layers.composite.program import *
from nnlite.layers.constrained.isotonic import *
from nnlite.layers.constrained.monotonic import *
from nnlite.layers.convolution.conv import *
from nnlite.layers.convolution.conv_transpose import *
from nnlite.layers.convolution.depthwise import *
from nnlite.layers.core.activations import *
from nnlite.layers.core.category_embedding import *
from nnlite.layers.core.columns import *
from nnlite.layers.core.dense import *
from nnlite.layers.core.einsum_dense import *
from nnlite.layers.core.embedding import *
from nnlite.layers.core.function import *
from nnlite.layers.core.input import *
from nnlite.layers.core.masking import *
from nnlite.layers.core.periodic_embedding import *
from nnlite.layers.core.scaling import *
from nnlite.layers.core.temperature import *
from nnlite.layers.merging.concatenate import *
from nnlite.layers.merging.elementwise import *
from nnlite.layers.normalization.batch import *
from nnlite.layers.normalization.group import *
from nnlite.layers.normalization.layer import *
from nnlite.layers.normalization.spectral import *
from nnlite.layers.pooling.adaptive_pooling import *
from nnlite.layers.pooling.global_pooling import *
from nnlite.layers.pooling.pooling import *
from nnlite.layers.regularization.activity import *
from nnlite.layers.regularization.dropout import *
from nnlite.layers.regularization.noise import *
from nnlite.layers.reshaping.padding import *
from nnlite.layers.reshaping.reshape import *
from nnlite.layers.reshaping.upsampling import *
from nnlite.registry.names import opened_later

if TYPE_CHECKING:
    from nnlite.layers.names import *
else:
    __getattr__, __dir__ = opened_later(__name__)
