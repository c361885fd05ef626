"""Dense layers, embeddings and elementwise layers as operators."""

from typing import Any

import numpy as np

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.activations import activate
from nnlite.inference.exports.lowering.registry import lower, lowers, refuse
from nnlite.layers import (
    ActivityRegularization,
    AlphaDropout,
    Cast,
    CategoryEmbedding,
    Clip,
    Columns,
    Dense,
    Dropout,
    EinsumDense,
    Embedding,
    GaussianDropout,
    GaussianNoise,
    Identity,
    Input,
    Masking,
    MaxNumBoundingBoxes,
    MonotonicDense,
    PeriodicEmbedding,
    PositionEmbedding,
    ReversibleEmbedding,
    Scale,
    SinePositionEncoding,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from nnlite.layers.base.simplified import Activated, Affine, Pooling, Product, View

__all__ = []

NOISES = (Dropout, SpatialDropout1D, SpatialDropout2D, SpatialDropout3D, GaussianNoise, GaussianDropout, AlphaDropout)


@lowers(Identity, Input, Cast, ActivityRegularization, MaxNumBoundingBoxes, *NOISES)
def _unchanged(layer: Any, x: Value) -> Value:
    return x


@lowers(Dense, MonotonicDense, Scale)
def _simplified(layer: Any, x: Value) -> Value:
    return lower(layer.at_inference(), x)


@lowers(Product)
def _product(step: Product, x: Value) -> Value:
    members = step.kernel.ndim == 3  # one kernel for each, along the second axis of x
    y = (x.transpose(1, 0, 2) @ step.kernel).transpose(1, 0, 2) if members else x @ step.kernel
    return activate(step.activation, y if step.bias is None else y + step.bias)


@lowers(Affine)
def _affine(step: Affine, x: Value) -> Value:
    scaled = x if (step.scale == 1).all() else x * step.scale
    return scaled + step.shift if step.shift.any() else scaled


@lowers(Activated)
def _activated(step: Activated, x: Value) -> Value:
    return activate(step.activation, x)


@lowers(View, Pooling)
def _as_layer(step: View | Pooling, x: Value) -> Value:
    return lower(step.layer, x)


@lowers(EinsumDense)
def _einsum_dense(layer: Any, x: Value) -> Value:
    kernel, *bias = layer.values
    y = x.apply("Einsum", kernel, equation=layer.equation)
    return activate(layer.activation, y + bias[0] if bias else y)


@lowers(Clip)
def _clip(layer: Any, x: Value) -> Value:
    return x.clip(np.asarray(layer.low, float), np.asarray(layer.high, float))


@lowers(Columns)
def _columns(layer: Any, x: Value) -> Value:
    return x.take(layer.places, axis=len(layer.input_shape) - 1)


@lowers(Embedding, ReversibleEmbedding, heeds_masks=True)
def _embedding(layer: Any, x: Value) -> Value:
    codes = x.cast("int64")  # columns of codes beside numbers are floats
    mask = codes.apply("Equal", np.int64(0)).apply("Not") if layer.mask_zero else None
    return x.graph.add("Gather", layer.embeddings.value, codes, axis=0).masked(mask)


@lowers(Masking, heeds_masks=True)
def _masking(layer: Any, x: Value) -> Value:
    counted = x.apply("Equal", np.float32(layer.mask_value)).apply("Not").cast("float32").reduce("Max", (-1,))
    mask = (counted > 0.5).apply("Squeeze", x.graph.integers(-1))
    return (x * counted).masked(mask)


@lowers(CategoryEmbedding)
def _category_embedding(layer: Any, x: Value) -> Value:
    axis, features = len(layer.input_shape) - 1, layer.input_shape[-1]
    codes = x.take(list(layer.sizes), axis)
    offsets = np.asarray(layer._offsets, np.int64)
    rows = (codes + 0.5).apply("Floor").cast("int64") + offsets
    table = layer.embeddings.value.reshape(-1, layer.output_dim)
    vectors = x.graph.add("Gather", table, rows, axis=0)
    lead = (0,) * axis
    flat = vectors.reshape(*lead, len(layer.sizes) * layer.output_dim)
    others = [column for column in range(features) if column not in layer.sizes]
    return x.graph.concat([x.take(others, axis), flat], axis) if others else flat


@lowers(PeriodicEmbedding)
def _periodic_embedding(layer: Any, x: Value) -> Value:
    frequency, phase, kernel, bias = layer.values
    axis = len(layer.input_shape) - 1
    columns = layer.chosen_columns(layer.input_shape)
    lead = (0,) * axis
    numbers = x.take(columns, axis).reshape(*lead, len(columns), 1)
    waves = (numbers * (2 * np.pi * frequency) + phase).apply("Cos")
    mixed = (waves.reshape(*lead, len(columns), 1, layer.frequencies) @ kernel).reshape(*lead, len(columns), -1) + bias
    return x.graph.concat([x, mixed.reshape(*lead, len(columns) * layer.output_dim)], axis)


@lowers(PositionEmbedding)
def _position_embedding(layer: Any, x: Value) -> Value:
    (embeddings,) = layer.values
    axis, integers = len(layer.input_shape) - 2, x.graph.integers
    if layer.input_shape[axis] is not None:
        return x + embeddings[: layer.input_shape[axis]]
    steps = x.apply("Shape").cut(0, axis, axis + 1)
    return x + x.graph.constant(embeddings).apply("Slice", integers(0), steps, integers(0), integers(1))


@lowers(SinePositionEncoding)
def _sine_positions(layer: Any, x: Value) -> Value:
    if None in layer.input_shape[1:]:
        raise refuse(layer, "needs a known number of steps")
    return x + layer(np.zeros((1, *layer.input_shape[1:]), layer.dtype))[0]
