"""Layers lowered to operators, family by family."""

from nnlite.inference.exports.lowering import (
    attention,
    composite,
    core,
    functions,
    normalizing,
    recurrent,
    spatial,
    tables,
)
from nnlite.inference.exports.lowering.activations import activate
from nnlite.inference.exports.lowering.registry import lower, refuse

__all__ = [
    "activate",
    "attention",
    "composite",
    "core",
    "functions",
    "lower",
    "normalizing",
    "recurrent",
    "refuse",
    "spatial",
    "tables",
]
