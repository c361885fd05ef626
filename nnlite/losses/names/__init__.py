"""The functions of `nnlite.losses`, which are loaded on first use."""

from nnlite.losses.functions import *
