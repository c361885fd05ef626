"""Axes in another order, and repeated vectors."""

from layers.cases.case import Case
from nnlite.layers import Permute, RepeatVector

CASES = [
    Case(lambda: Permute((2, 1)), (2, 3, 2)),
    Case(lambda: Permute((3, 1, 2)), (2, 3, 2, 4)),
    Case(lambda: Permute((1,)), (2, 3)),
    Case(lambda: RepeatVector(3), (2, 4)),
    Case(lambda: RepeatVector(1), (2, 1)),
]
