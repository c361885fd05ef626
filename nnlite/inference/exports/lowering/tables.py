"""Layers of categories and of columns as operators."""

from typing import Any

import numpy as np

from nnlite.inference.exports.graph import TEXTS, Value
from nnlite.inference.exports.lowering.registry import lowers, refuse
from nnlite.layers import (
    CategoryEncoding,
    Discretization,
    IntegerLookup,
    PiecewiseLinearEncoding,
    StringLookup,
    TextVectorization,
)

__all__ = ["one_hot"]

UNKNOWN = "\x00"  # a token of no vocabulary


def one_hot(codes: Value, depth: int) -> Value:
    """Integers as vectors of 0 and 1 along a new last axis; -1 becomes zeros."""
    last = codes.apply("Unsqueeze", codes.graph.integers(-1))
    return last.apply("Equal", np.arange(depth, dtype=np.int64)).cast("float32")


def _encoded(layer: Any, codes: Value) -> Value:
    """Codes as the layer's `output_mode` says."""
    mode, shape = layer.output_mode, layer.input_shape
    if mode == "int":
        return codes
    vectors = one_hot(codes, layer.depth)
    if mode == "one_hot":
        squeezed = shape[1:][-1:] == (1,)
        return vectors.apply("Squeeze", codes.graph.integers(-2)) if squeezed else vectors
    if len(shape) == 1:
        return vectors * layer._weights if mode == "tf_idf" else vectors
    counts = vectors.reduce("Sum", (-2,), keepdims=False)
    if mode == "tf_idf":
        return counts * layer._weights
    return counts if mode == "count" else counts.apply("Min", 1.0)


@lowers(CategoryEncoding)
def _category_encoding(layer: Any, x: Value) -> Value:
    return _encoded(layer, x)


@lowers(Discretization)
def _discretization(layer: Any, x: Value) -> Value:
    boundaries = np.asarray(layer.bin_boundaries, np.float32)
    above = x.apply("Unsqueeze", x.graph.integers(-1)) >= boundaries
    return _encoded(layer, above.cast("int64").reduce("Sum", (-1,), keepdims=False))


@lowers(StringLookup, IntegerLookup)
def _lookup(layer: Any, x: Value) -> Value:
    if layer.invert or layer.num_oov_indices > 1 or layer.mask_token is not None:
        raise refuse(layer, "goes with num_oov_indices 0 or 1, without mask_token and invert")
    tokens = layer.get_vocabulary()
    vocabulary = tokens[layer.num_oov_indices :]
    keys = {"keys_strings": vocabulary} if isinstance(layer, StringLookup) else {"keys_int64s": vocabulary}
    values = list(range(layer.num_oov_indices, len(tokens)))
    codes = x.graph.add(
        "LabelEncoder", x, domain="ai.onnx.ml", values_int64s=values, default_int64=layer.num_oov_indices - 1, **keys
    )
    return _typed(layer, _encoded(layer, codes))


def _typed(layer: Any, value: Value) -> Value:
    """Encodings as integers, but for weighted ones."""
    return value if layer.output_mode in ("int", "tf_idf") else value.cast("int64")


@lowers(TextVectorization)
def _text_vectorization(layer: Any, x: Value) -> Value:
    if callable(layer.standardize) or callable(layer.split):
        raise refuse(layer, "has a user-defined function, which has no form outside of nnlite")
    if layer.split is None and layer.input_shape[1:] not in ((), (1,)):
        raise refuse(layer, "takes texts that are split already, which has no form in this format")
    words = layer.get_vocabulary(include_special_tokens=False)
    ngrams = range(1, layer.ngrams + 1) if isinstance(layer.ngrams, int) else layer.ngrams
    codes = x.graph.add(
        "TextCodes",
        x,
        domain=TEXTS,
        owner=f"layer {layer._given_name or type(layer).__name__!r} (TextVectorization)",
        words=words,
        codes=layer.lookup(words).tolist(),
        unknown=int(layer.lookup([UNKNOWN])[0]),
        fill=0 if layer.output_mode == "int" else -1,
        length=layer.output_sequence_length,
        standardize=layer.standardize,
        split=layer.split,
        ngrams=None if ngrams is None else tuple(ngrams),
    )
    if layer.output_mode == "int":
        return codes
    counts = one_hot(codes, layer.depth).reduce("Sum", (-2,), keepdims=False)
    if layer.output_mode == "tf_idf":
        return counts * layer._weights
    return _typed(layer, counts if layer.output_mode == "count" else counts.apply("Min", 1.0))


@lowers(PiecewiseLinearEncoding)
def _pieces(layer: Any, x: Value) -> Value:
    edges = layer.edges.value
    low, widths = edges[:, :-1], np.diff(edges)
    steepness = np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
    axis = len(layer.input_shape) - 1
    columns = layer.chosen_columns(layer.input_shape)
    lead = (0,) * axis
    pieces = ((x.take(columns, axis).reshape(*lead, len(columns), 1) - low) * steepness).clip(0.0, 1.0)
    return x.graph.concat([x, pieces.reshape(*lead, low.size)], axis)
