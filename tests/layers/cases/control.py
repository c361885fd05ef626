"""Functions as layers."""

import numpy as np

from layers.cases.case import Case
from nnlite import ops
from nnlite.layers import Lambda
from nnlite.registry import register_function


@register_function
def rows_test_wave(inputs, frequency=2.0):
    return np.sin(frequency * inputs) * inputs


@register_function
def rows_test_pairs(inputs):
    return ops.concatenate([inputs, inputs**2], axis=-1).sum(axis=1)


CASES = [
    Case(lambda: Lambda(rows_test_wave), (3, 2)),
    Case(lambda: Lambda("rows_test_wave", arguments={"frequency": 0.5}), (2, 3, 1)),
    Case(lambda: Lambda(rows_test_pairs), (2, 3, 2)),
]
