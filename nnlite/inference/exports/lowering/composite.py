"""Merging layers, layers made of layers, and whole models, as operators."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from nnlite.inference.exports.graph import Value
from nnlite.inference.exports.lowering.registry import lower, lower_graph, lowers, refuse
from nnlite.layers import (
    Add,
    Average,
    ColumnBranch,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Parallel,
    Pipeline,
    Residual,
    Subtract,
    Wrapper,
)

__all__ = []


def _aligned(layer: Any, values: list[Value]) -> list[Value]:
    """Values of the same number of axes: those of fewer get axes of length 1 after the batch."""
    ranks = [len(shape) for shape in layer.input_shape]
    aligned = []
    for value, rank in zip(values, ranks, strict=True):
        missing = max(ranks) - rank
        aligned.append(value.apply("Unsqueeze", value.graph.integers(*range(1, 1 + missing))) if missing else value)
    return aligned


def _folding(combine: Callable[[Value, Value], Value]) -> Callable[[Any, list[Value]], Value]:
    def lowering(layer: Any, values: list[Value]) -> Value:
        first, *others = _aligned(layer, values)
        for other in others:
            first = combine(first, other)
        return first

    return lowering


def _with_either_mask(combine: Callable[[Value, Value], Value]) -> Callable[[Any, list[Value]], Value]:
    """Of a sum, whose values no mask changes: a step of it counts where it counts in one of the inputs."""

    def lowering(layer: Any, values: list[Value]) -> Value:
        return _folding(combine)(layer, values).masked(_either(layer, values))

    return lowering


def _either(layer: Any, values: list[Value]) -> Value | None:
    """The mask of the steps that count in one of the inputs that have a mask; None if none has one."""
    masks = [value.mask for value in values if value.mask is not None]
    if len(masks) > 1 and len({len(shape) for shape in layer.input_shape}) > 1:
        raise refuse(layer, "joins masks of inputs of unlike ranks, which has no form in this format")
    return reduce(lambda a, b: a.apply("Or", b), masks) if masks else None


lowers(Add, heeds_masks=True)(_with_either_mask(lambda a, b: a + b))
lowers(Subtract, heeds_masks=True)(_with_either_mask(lambda a, b: a - b))
lowers(Multiply)(_folding(lambda a, b: a * b))
lowers(Maximum)(_folding(lambda a, b: a.apply("Max", b)))
lowers(Minimum)(_folding(lambda a, b: a.apply("Min", b)))


@lowers(Average)
def _average(layer: Any, values: list[Value]) -> Value:
    return _folding(lambda a, b: a + b)(layer, values) * (1 / len(values))


@lowers(Concatenate, heeds_masks=True)
def _concatenate(layer: Any, values: list[Value]) -> Value:
    masked = [value.mask is not None for value in values]
    if any(masked) and layer.axis not in (-1, len(layer.input_shape[0]) - 1):
        raise refuse(layer, "joins masked sequences along their steps, which has no form in this format")
    joined = values[0].graph.concat(values, axis=layer.axis)
    return joined.masked(_either(layer, values)) if all(masked) else joined  # without a mask, all steps count


@lowers(Dot)
def _dot(layer: Any, values: list[Value]) -> Value:
    left, right = values
    (first, second), ranks = layer._given(), [len(shape) for shape in layer.input_shape]
    axes = [axis % rank for axis, rank in zip((first, second), ranks, strict=True)]
    if layer.normalize:
        left, right = (
            value / (value * value).reduce("Sum", (axis,)).apply("Max", 1e-12).apply("Sqrt")
            for value, axis in zip((left, right), axes, strict=True)
        )
    letters = iter("cdefgh")
    ours = ["a", *(("s" if axis == axes[0] else next(letters)) for axis in range(1, ranks[0]))]
    theirs = ["a", *(("s" if axis == axes[1] else next(letters)) for axis in range(1, ranks[1]))]
    result = ["a", *(letter for letter in (*ours, *theirs) if letter not in "as")]
    summed = left.apply("Einsum", right, equation=f"{''.join(ours)},{''.join(theirs)}->{''.join(result)}")
    return summed if len(result) > 1 else summed.apply("Unsqueeze", left.graph.integers(1))


@lowers(Pipeline, Residual, Parallel, ColumnBranch, heeds_masks=True)
def _branches(layer: Any, x: Value) -> Value:
    return lower_graph(layer.graph, [x])[0]


@lowers(Wrapper, heeds_masks=True)
def _wrapper(layer: Any, x: Value) -> Value:
    if type(layer) is not Wrapper:
        raise refuse(layer, "computes something that only its class knows")
    return lower(layer.layer, x)
