"""Layers for several networks side by side."""

import dataclasses

from nnlite.errors import ConfigError
from nnlite.layers import (
    ELU,
    Activation,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Layer,
    LeakyReLU,
    PiecewiseLinearEncoding,
    ReLU,
    Softmax,
)
from nnlite.registry.modules import given_arguments

__all__ = ["with_members"]

WITHOUT_WEIGHTS = (
    Activation,
    PiecewiseLinearEncoding,
    ReLU,
    LeakyReLU,
    ELU,
    Softmax,
    Dropout,
    AlphaDropout,
    GaussianNoise,
    GaussianDropout,
)
SIDE_BY_SIDE = ("Dense", "Scale", "CategoryEmbedding", "PeriodicEmbedding")


def with_members(layer: Layer, n_members: int) -> Layer:
    """The layer for several networks side by side: with weights for each, or unchanged if it has none."""
    if any(field.name == "members" for field in dataclasses.fields(layer)):
        return type(layer).from_config({**given_arguments(layer), "members": n_members})
    if isinstance(layer, WITHOUT_WEIGHTS):
        return layer
    raise ConfigError(
        f"{n_members} members need layers that support members: {', '.join(SIDE_BY_SIDE)} and those without "
        f"weights; {layer.label} cannot: pass n_members=1",
        ("n_members",),
    )
