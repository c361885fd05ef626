"""Differentiable functions: each computes its output and its structured Jacobians side by side."""

from nnlite.ops.activations import (
    ELU,
    GELU,
    SELU,
    ActivationFunction,
    Exp,
    HardSigmoid,
    LeakyReLU,
    Linear,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Softsign,
    Tanh,
)
from nnlite.ops.arithmetic import Add, Divide, Maximum, Minimum, Multiply, Negative, Power, Sub, Subtract
from nnlite.ops.base import Op
from nnlite.ops.elementwise import Abs, Cos, Log, Sin, Sqrt
from nnlite.ops.linear import MatMul
from nnlite.ops.reductions import Max, Mean, Sum
from nnlite.ops.shaping import Concatenate, Gather, Reshape, Transpose

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Abs",
    "ActivationFunction",
    "Add",
    "Concatenate",
    "Cos",
    "Divide",
    "Exp",
    "Gather",
    "HardSigmoid",
    "LeakyReLU",
    "Linear",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "Maximum",
    "Mean",
    "Minimum",
    "Multiply",
    "Negative",
    "Op",
    "Power",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "Sin",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Subtract",
    "Sum",
    "Tanh",
    "Transpose",
]
