"""Base of optimizers: arguments, clipping, weight decay, slots, the loop over the parameters, its state."""

from nnlite.optimizers.base.listed import KerasSlot as KerasSlot, StateVariable as StateVariable
from nnlite.optimizers.base.optimizer import Optimizer
from nnlite.optimizers.base.rates import LearningRate as LearningRate, WeightDecay as WeightDecay

__all__ = ["Optimizer"]
