"""Copies of layers in a given floating-point type, and data to check them on."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.config import FLOAT_TYPES
from nnlite.errors import DataError
from nnlite.layers.base.call import inner_layers, layers_within
from nnlite.random import RandomSource
from nnlite.registry.modules import given_arguments

__all__ = []

BATCH, LENGTH = 3, 4  # in place of None: for the batch, for any other length
WORDS = ("red", "green", "a", "b")
POOLS = {"indices": (5, 3, 2, 1)}  # numbers of different indices to try
SEED = 3
STEPS = 100  # of the training that schedules assume


def twin_of(layer: Any, dtype: str, shape: Any, random: np.random.Generator) -> Any:
    """A built copy of `layer` in another floating-point type: made from its arguments, with its weights, if any.

    Args:
        layer: not modified.
        dtype: that of the copy and of all layers inside it.
        shape: what the copy is built for, where the layer is not built; of one input, or a tuple of them.
        random: draws what the copy is adapted to, where the layer is not.
    """
    twin = type(layer).from_config(respelled(given_arguments(layer), dtype))
    if not layer.built and not layer.adapted:
        twin.adapt(draw(twin, (8, *shape[1:]), random))
    twin._ensure_built(layer.input_shape if layer.input_shape is not None else free_batch(shape), RandomSource(SEED))
    if layer.built:
        for parameter, other in zip(twin.parameters, layer.parameters, strict=True):
            parameter.assign(other.value)
    for inside in (twin, *layers_within(twin)):
        for schedule in inside.schedules:
            schedule.bind(STEPS)
    return twin


def respelled(config: Any, dtype: str) -> Any:
    """A layer's config with `dtype` replaced, also in nested layers."""
    if isinstance(config, dict):
        return {
            key: dtype if key == "dtype" and value in (None, *FLOAT_TYPES) else respelled(value, dtype)
            for key, value in config.items()
        }
    return [respelled(item, dtype) for item in config] if isinstance(config, (list, tuple)) else config


def moved(values: Sequence[np.ndarray]) -> list:
    """Copies of the parameters' arrays with small perturbations, larger ones where all entries are equal.

    Zeros and ones would hide what they multiply; a layer that keeps an old value of its own gives itself away.
    """
    random, changed = np.random.default_rng(11), []
    for value in values:
        equal = value.size and (value == value.flat[0]).all()
        change = random.uniform(0.1, 0.5, value.shape) if equal else value * random.uniform(-0.1, 0.1, value.shape)
        changed.append(value + change.astype(value.dtype))
    return changed


def sample(layer: Any, shape: tuple, random: np.random.Generator) -> Any:
    """A batch that `layer` takes: one array, or a tuple of them for a tuple of shapes."""
    error = None
    for pool in POOLS.get(layer.input_kind, (None,)):
        inputs = draw(layer, shape, random, pool)
        try:
            with np.errstate(all="ignore"):
                layer.linearize(inputs, *layer.values)
        except DataError as refused:
            error = error or refused
        else:
            return inputs
    assert error is not None  # there is one pool at least
    raise error


def draw(layer: Any, shape: tuple, random: np.random.Generator, pool: Any = 5) -> Any:
    """Random inputs of `shape` and of the layer's kind; indices below `pool`."""
    if several(shape):
        return tuple(draw(layer, one_shape, random, pool) for one_shape in shape)
    if layer.input_kind == "numbers":
        return random.normal(size=shape)
    if layer.input_kind != "indices":
        vocabularies = [vars(inner).get("vocabulary") for inner in (layer, *inner_layers(layer))]
        pool = next(filter(None, vocabularies), WORDS)
    return random.choice(pool, shape)


def in_dtype(layer: Any, inputs: Any, dtype: str) -> Any:
    """A batch, or a tuple of them, in a floating-point type; unchanged if the layer does not take numbers."""
    if isinstance(inputs, tuple):
        return tuple(in_dtype(layer, array, dtype) for array in inputs)
    return np.asarray(inputs).astype(dtype) if layer.input_kind == "numbers" else np.asarray(inputs)


def several(shape: tuple) -> bool:
    """Whether this is a tuple of shapes."""
    return len(shape) > 0 and isinstance(shape[0], (tuple, list))


def filled(shape: tuple, batch: int | None = None) -> tuple:
    """`shape` with numbers in place of None, and with `batch`, if given, as its first entry."""
    if several(shape):
        return tuple(filled(one_shape, batch) for one_shape in shape)
    first = batch or shape[0] or BATCH
    return (first, *(LENGTH if length is None else length for length in shape[1:]))


def free_batch(shape: tuple) -> tuple:
    """`shape` with None for the batch."""
    return tuple(map(free_batch, shape)) if several(shape) else (None, *shape[1:])


def contexts(layer: Any, inputs: Any, random: np.random.Generator, mask=None) -> Iterator[tuple[str, dict[str, Any]]]:
    """`(context, keywords)` for `linearize`: inference and training, without a mask and with `mask`.

    Where that is None, one is drawn for inputs of three axes.
    """
    modes = [("inference", False)]
    if {"training", "random"} & set(layer._context):
        modes.append(("training", True))
    masks: list[tuple[str, Any]] = [("", None)]
    if "mask" in layer._context and mask is not None:
        masks.append((", masked", mask))
    data = inputs if isinstance(inputs, tuple) else (inputs,)
    if "mask" in layer._context and mask is None and all(array.ndim == 3 for array in data):
        steps = 2 if vars(layer).get("data_format") == "channels_first" else 1
        drawn = [random.random((len(array), array.shape[steps])) < 0.7 for array in data]
        for kept_steps in drawn:
            kept_steps[:, 0] = True
        masks.append((", masked", tuple(drawn) if isinstance(inputs, tuple) else drawn[0]))
    for mode, training in modes:
        for masked, mask in masks:
            context = {"training": training, "random": RandomSource(SEED) if training else None, "mask": mask}
            yield mode + masked, {name: context[name] for name in layer._context}


def stops_gradient(layer: Any) -> bool:
    """Whether this layer, or one inside it, declares that it treats part of its function as constant."""
    return layer.stops_gradient or any(map(stops_gradient, inner_layers(layer)))
