"""Kernels in NumPy: complete, and analytic, so that a complex step passes through them."""

from nnlite.kernels.reference.attention import *
from nnlite.kernels.reference.dense import *
from nnlite.kernels.reference.dense_activations import *
from nnlite.kernels.reference.elementwise import *
from nnlite.kernels.reference.error_function import *
from nnlite.kernels.reference.losses import *
from nnlite.kernels.reference.normalization import *
from nnlite.kernels.reference.optimizers import *
from nnlite.kernels.reference.recurrent import *
from nnlite.kernels.reference.row_sums import *
from nnlite.kernels.reference.windows import *

__all__ = [
    "DenseLayer",
    "DenseRoom",
    "adam",
    "adam_rows",
    "attend",
    "attention_pull",
    "attention_push",
    "bias_relu",
    "convolve",
    "decay",
    "dense_backward",
    "dense_forward",
    "dense_jacobian",
    "dropout",
    "elu",
    "erf",
    "flush",
    "gated",
    "gated_sum",
    "gelu",
    "hidden_jacobian",
    "kernel_gradient",
    "largest_of_windows",
    "log_softmax",
    "lstm_gradients",
    "lstm_pull",
    "lstm_run",
    "magnitude",
    "mish",
    "mix_pixels",
    "normalize",
    "normalize_columns",
    "normalize_columns_pull",
    "normalize_pull",
    "put_row_sums",
    "relu",
    "rmsprop",
    "sgd",
    "sigmoid",
    "sigmoid_crossentropy",
    "softmax_crossentropy",
    "softplus",
    "spread",
    "spread_largest",
    "spread_pixels",
    "squared_error",
    "sums_by_row",
]
