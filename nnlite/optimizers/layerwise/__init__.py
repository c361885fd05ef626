"""Optimizers whose update depends on each parameter's shape."""

from nnlite.optimizers.layerwise.adafactor import Adafactor
from nnlite.optimizers.layerwise.base import LayerwiseOptimizer
from nnlite.optimizers.layerwise.lamb import Lamb
from nnlite.optimizers.layerwise.muon import Muon

__all__ = ["Adafactor", "Lamb", "LayerwiseOptimizer", "Muon"]
