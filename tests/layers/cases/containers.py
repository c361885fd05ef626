"""Branches inside a chain of layers, columns of tables, and graphs of layers used as layers."""

from layers.cases.case import Case
from nnlite.layers import (
    BatchNormalization,
    ColumnBranch,
    Columns,
    Concatenate,
    Dense,
    Dropout,
    Input,
    LayerNormalization,
    Multiply,
    Normalization,
    Parallel,
    Pipeline,
    Residual,
    Wrapper,
)
from nnlite.models import Model, Sequential


def gated():
    """A graph with fan-out and a layer that is used twice."""
    given = Input((3,), name="given")
    shared = Dense(3, activation="tanh")
    once = shared(given)
    twice = shared(once)
    return Model(given, Dense(2)(Multiply()([twice, Dense(3, activation="sigmoid")(given)])), seed=0)


def branching(batch_normalization=False):
    """A graph whose two ends meet again, with layers that act while training only."""
    given = Input((4,), name="given")
    left = Dropout(0.4)(Dense(3, activation="relu")(given))
    right = BatchNormalization()(given) if batch_normalization else LayerNormalization()(given)
    return Model(given, Concatenate()([left, right, given]), seed=0)


CASES = [
    Case(lambda: Columns([2, 0]), (2, 3)),
    Case(lambda: Columns([1]), (2, 2, 3)),
    Case(lambda: Residual([Dense(3, activation="tanh")]), (2, 3)),
    Case(lambda: Residual([Dense(4, activation="tanh"), Dense(3)]), (2, 2, 3)),
    Case(lambda: Residual([Dense(4), LayerNormalization()], shortcut=[Dense(4, use_bias=False)]), (2, 3)),
    *[Case(lambda: Residual([BatchNormalization(), Dropout(0.3), Dense(3)]), (4, 3), mode) for mode in (False, True)],
    Case(lambda: Wrapper(Dense(2, activation="tanh")), (2, 3)),
    *[Case(lambda: Wrapper(BatchNormalization()), (4, 3), mode) for mode in (False, True)],
    Case(lambda: Pipeline([Dense(2, activation="tanh"), LayerNormalization()]), (2, 3)),
    *[Case(lambda: Pipeline([Dropout(0.3), BatchNormalization()]), (4, 3), mode) for mode in (False, True)],
    *[
        Case(lambda m=merge: Parallel([Dense(3, activation="tanh"), [], [Dense(2), Dense(3)]], merge=m), (2, 3))
        for merge in ("concat", "add", "multiply", "average", "max")
    ],
    Case(lambda: Parallel([Dense(3), Residual([Dense(3)])], axis=1), (2, 2, 3)),
    Case(lambda: ColumnBranch({"0-1": [Dense(3, activation="tanh")], "2": []}), (2, 3)),
    Case(lambda: ColumnBranch({"0,2": [Normalization(mean=0.5, variance=2.0)], "1": Dense(2)}, "add"), (3, 3)),
    Case(lambda: ColumnBranch({"1": Dense(2)}), (2, 3)),
    Case(gated, (3, 3)),
    *[Case(branching, (3, 4), mode) for mode in (False, True)],
    Case(lambda: branching(True), (4, 4), True),
    Case(lambda: Sequential([Dense(3), gated(), Dense(1)], seed=0), (2, 2)),
]
