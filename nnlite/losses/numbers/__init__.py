"""Losses of numbers whose distribution is asked for: quantiles, a mean with its variance, skewed amounts."""

from nnlite.losses.numbers.likelihood import *
from nnlite.losses.numbers.quantile import *
