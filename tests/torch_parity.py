"""A layer beside its twin in PyTorch; tests marked `needs_torch` are skipped where that is not installed."""

from collections.abc import Callable

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite.layers import Layer

try:
    import torch
except ImportError:
    torch = None
functional = torch and torch.nn.functional
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def tensors_of(*arrays: np.ndarray) -> list:
    """The arrays as tensors that collect gradients."""
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def near(ours, theirs, tolerance: float = EXACT) -> bool:
    """Whether an array equals a tensor up to `tolerance` of the largest entry."""
    return relative_error(ours, theirs.detach().numpy()) <= tolerance


def channels_first(function: Callable) -> Callable:
    """`function`, which takes channels first, for inputs and outputs that have them last."""
    return lambda inputs, *parameters: function(inputs.movedim(-1, 1), *parameters).movedim(1, -1)


def backpropagated(outputs, found) -> tuple:
    """Let PyTorch propagate random derivatives by its outputs back; they are returned, one array for each output."""
    upstream = tuple(np.random.default_rng(3).normal(size=part.shape) for part in found)
    sum((part * torch.tensor(own)).sum() for part, own in zip(outputs, upstream, strict=True)).backward()
    return upstream


def assert_same(layer: Layer, inputs, twin: Callable, **options) -> None:
    """Outputs, and gradients by all inputs and parameters, are those of `twin(*inputs, *parameters)`.

    Args:
        layer: built or not, in float64.
        inputs: an array, or a tuple of them for several inputs.
        twin: a function of tensors; several outputs come as a tuple or list.
        options: further arguments of `layer.forward`.
    """
    outputs = layer.forward(inputs, **options)
    tensors = tensors_of(*(inputs if isinstance(inputs, tuple) else (inputs,)), *layer.values)
    expected = twin(*tensors)
    several = isinstance(outputs, tuple)
    outputs, expected = (outputs, expected) if several else ((outputs,), (expected,))
    for ours, theirs in zip(outputs, expected, strict=True):
        assert near(ours, theirs)
    upstream = backpropagated(expected, outputs)
    results = layer.backward(upstream if several else upstream[0])
    for ours, theirs in zip(results if isinstance(results, tuple) else (results,), tensors, strict=True):
        assert near(ours, torch.zeros_like(theirs) if theirs.grad is None else theirs.grad)
