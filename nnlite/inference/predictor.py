"""A model made ready for many small predictions."""

import threading

import numpy as np

from nnlite.inference.folding import Affine, Product, folded
from nnlite.layers import Layer
from nnlite.ops import activations

__all__ = ["Predictor"]

PIECE = 256  # rows at once where layers run as they are: what they compute on the way would not fit into the cache

LENGTHS_KEPT = 8  # of batches, for which a thread keeps intermediate arrays


class Predictor:
    """The outputs of a chain of layers, computed with as little as possible around the matrix products.

    Dropout is gone, scales and shifts are multiplied into kernels, activations work in place, and each thread keeps
    its intermediate arrays from one call to the next. Results agree with the model's to rounding. The weights are
    those at the time it was made: train on, and make a new one.

    Args:
        layers: built layers, in order.
        model: whose inputs they take.

    A predictor may be called from several threads; each call returns an array of its own.
    """

    def __init__(self, layers: list[Layer], model: Layer):
        self.model = model
        self.dtype = np.dtype(model.dtype)
        self.row_shape = tuple(model.input_shape[1:])
        self.plain = model.input_kind == "numbers" and not model.takes_several
        self.stages = [_stage(step, self.dtype) for step in folded(layers)]
        self.may_alias = not self.stages or isinstance(self.stages[-1], _Whole)
        one_output = not isinstance(model.output_shape[0], tuple)
        self.in_pieces = self.plain and one_output and any(isinstance(own, _Whole) for own in self.stages)
        self._local = threading.local()

    def __call__(self, x) -> np.ndarray:
        """The outputs for a batch. Shape: as `model.predict`.

        Raises:
            ShapeError: `x` has not the shape that the model was built for.
        """
        if self.plain:
            x = np.asarray(x, self.dtype)
        if not self.plain or x.shape[1:] != self.row_shape or not x.ndim:
            x = self.model.as_input(x)
        if self.in_pieces and len(x) > PIECE:
            return np.concatenate([self(x[start : start + PIECE]) for start in range(0, len(x), PIECE)])
        try:
            prepared = self._local.prepared[len(x)]
        except (AttributeError, KeyError, TypeError):
            prepared = self._prepare(x)
        others = [*x] if self.model.takes_several else [x]
        for run, out in prepared:
            x = run(x, out)
        if not self.may_alias:
            return x
        others += [out for _, out in prepared if out is not None]
        owned = [part.copy() if shares(part, others) else part for part in (x if isinstance(x, tuple) else (x,))]
        return tuple(owned) if isinstance(x, tuple) else owned[0]

    def _prepare(self, x):
        """Each stage with the array that this thread keeps for it, for a batch as long as x; the last one gets None."""
        prepared, rows = [], len(x)
        for number, stage in enumerate(self.stages):
            x = stage(x, None)
            keeps = number < len(self.stages) - 1 and not isinstance(stage, _Whole)
            prepared.append((stage, np.empty_like(x) if keeps else None))
        if self.plain and None not in self.row_shape:
            kept = vars(self._local).setdefault("prepared", {})
            if len(kept) == LENGTHS_KEPT:
                del kept[next(iter(kept))]
            kept[rows] = prepared
        return prepared

    def __repr__(self) -> str:
        return f"Predictor({', '.join(map(repr, self.stages))})"


class _Dense:
    """activation(x @ kernel + bias), written to `out` where that is given."""

    def __init__(self, step, dtype):
        self.kernel = np.ascontiguousarray(step.kernel, dtype)
        self.bias = None if step.bias is None else step.bias.astype(dtype)
        self.activate = in_place(step.activation, dtype)
        self.multiply = np.dot if step.matrix else np.matmul

    def __call__(self, x, out):
        out = self.multiply(x, self.kernel, out=out)
        if self.bias is not None:
            np.add(out, self.bias, out)
        return out if self.activate is None else self.activate(out)

    def __repr__(self) -> str:
        return f"Product{self.kernel.shape}"


class _Scale:
    """x * scale + shift."""

    def __init__(self, step, dtype):
        self.scale, self.shift = step.scale.astype(dtype), step.shift.astype(dtype)

    def __call__(self, x, out):
        out = np.multiply(x, self.scale, out=out)
        return np.add(out, self.shift, out)

    def __repr__(self) -> str:
        return "Affine"


class _Whole:
    """A layer as it is, with its weights of this moment."""

    def __init__(self, layer):
        self.layer = layer
        self.values = [value.copy() for value in layer.values]

    def __call__(self, x, out):
        return self.layer.linearize(x, *self.values)[0]

    def __repr__(self) -> str:
        return repr(self.layer)


def shares(array, others) -> bool:
    """Whether `array` may be in the memory of one of `others`."""
    return any(np.may_share_memory(array, other) for other in others)


def _stage(step, dtype):
    if isinstance(step, Product):
        return _Dense(step, dtype)
    return _Scale(step, dtype) if isinstance(step, Affine) else _Whole(step)


def in_place(activation, dtype):
    """The activation function as one that overwrites its argument; None for none."""
    if activation is None:
        return None
    if repr(activation) == "ReLU()":
        zero = np.zeros((), dtype)  # a Python 0 would be converted in each call
        return lambda x: np.maximum(x, zero, out=x)
    known = {activations.Tanh: _tanh, activations.Sigmoid: _sigmoid, activations.Softmax: _softmax}
    if type(activation) in known and getattr(activation, "axis", -1) == -1:
        return known[type(activation)]
    return lambda x: activation.linearize(x)[0]


def _tanh(x):
    return np.tanh(x, x)


def _sigmoid(x):
    np.multiply(x, 0.5, x)
    np.tanh(x, x)
    np.multiply(x, 0.5, x)
    return np.add(x, 0.5, x)


def _softmax(x):
    np.subtract(x, x.max(axis=-1, keepdims=True), x)
    np.exp(x, x)
    return np.divide(x, x.sum(axis=-1, keepdims=True), x)
