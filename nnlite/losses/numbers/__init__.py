"""Losses of distributions over numbers: quantiles, a mean with its variance, skewed amounts."""

from nnlite.losses.numbers.likelihood import *
from nnlite.losses.numbers.quantile import *
