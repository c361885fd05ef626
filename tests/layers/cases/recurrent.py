"""Recurrent layers, their cells, and the layers around them."""

import numpy as np

from layers.cases.case import Case
from nnlite.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    GRUCell,
    LSTMCell,
    Masking,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)
from nnlite.models import Sequential

KINDS = [(SimpleRNN, {}), (LSTM, {}), (GRU, {}), (GRU, {"reset_after": False})]
CELLS = [(SimpleRNNCell, {}), (LSTMCell, {}), (GRUCell, {}), (GRUCell, {"reset_after": False})]
OPTIONS = [
    ({}, (3, 3, 2), False),
    ({}, (2, 1, 3), False),
    ({"return_sequences": True}, (2, 3, 1), False),
    ({"return_sequences": True, "go_backwards": True, "use_bias": False}, (2, 3, 2), False),
    ({"stateful": True, "batch_size": 1}, (1, 3, 2), True),
    ({"dropout": 0.4}, (2, 3, 4), True),
    ({"recurrent_dropout": 0.4, "dropout": 0.2, "seed": 5, "return_sequences": True}, (2, 2, 4), True),
    ({"activation": "softplus", "go_backwards": True, "return_sequences": True}, (2, 2, 2), False),
]
MASK = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0]], bool)
WITH_STATE = {
    SimpleRNN: ((3, 3, 2), (3, 2)),
    GRU: ((3, 3, 2), (3, 2)),
    LSTM: ((3, 3, 2), (3, 2), (3, 2)),
}
CASES = [
    *[
        Case(lambda kind=kind, own=own, options=options: kind(2, **own, **options), shape, training)
        for kind, own in KINDS
        for options, shape, training in OPTIONS
    ],
    Case(lambda: LSTM(1, unit_forget_bias=False, kernel_regularizer="l2", dtype=None), (2, 2, 1)),
    Case(lambda: LSTM(2, activation=None, recurrent_activation="hard_sigmoid"), (2, 2, 1)),
    Case(lambda: GRU(2, activation="tanh", recurrent_activation=None), (2, 2, 1)),
    *[Case(lambda kind=kind, own=own: kind(2, **own), (3, 4)) for kind, own in CELLS],
    *[
        Case(lambda kind=kind, own=own: kind(2, dropout=0.4, recurrent_dropout=0.3, **own), (3, 4), True)
        for kind, own in CELLS
    ],
    *[
        Case(lambda kind=kind, own=own: RNN(kind(2, use_bias=False, **own), return_sequences=True), (2, 3, 2))
        for kind, own in CELLS
    ],
    Case(lambda: StackedRNNCells([LSTMCell(2), SimpleRNNCell(3)]), (2, 4)),
    Case(lambda: RNN([GRUCell(2), LSTMCell(1)]), (2, 2, 2)),
    Case(lambda: RNN([GRUCell(2), LSTMCell(1)], go_backwards=True, stateful=True, batch_size=1), (1, 2, 2), True),
    Case(lambda: RNN(StackedRNNCells([SimpleRNNCell(2, dropout=0.5), SimpleRNNCell(2)])), (2, 2, 4), True),
    *[
        Case(lambda mode=mode, whole=whole: Bidirectional(GRU(2, return_sequences=whole), merge_mode=mode), (2, 3, 2))
        for mode, whole in (("concat", True), ("sum", False), ("mul", True), ("ave", True))
    ],
    Case(lambda: Bidirectional(LSTM(2, go_backwards=True), backward_layer=SimpleRNN(1)), (2, 3, 2)),
    Case(lambda: Bidirectional(SimpleRNN(2, dropout=0.3)), (2, 3, 2), True),
    Case(lambda: Bidirectional(SimpleRNN(2, stateful=True, batch_size=1), merge_mode="sum"), (1, 3, 2), True),
    Case(lambda: TimeDistributed(Dense(2, activation="softmax")), (2, 3, 2)),
    Case(lambda: TimeDistributed(SimpleRNN(2)), (2, 2, 3, 1)),
    Case(lambda: TimeDistributed(Dropout(0.5)), (2, 3, 2), True),
    Case(lambda: TimeDistributed(Embedding(5, 2)), (2, 3, 1)),
    Case(lambda: TimeDistributed(BatchNormalization()), (2, 3, 2), False),
    Case(lambda: Masking(), (2, 3, 2)),
    Case(lambda: Masking(mask_value=-1.0), (1, 1, 1)),
    *[
        Case(lambda kind=kind, own=own, o=options: kind(2, **own, **o), (4, 3, 2), training, MASK)
        for kind, own in KINDS
        for options, training in (
            ({}, False),
            ({"return_sequences": True}, False),
            ({"go_backwards": True, "zero_output_for_mask": True}, False),
            ({"return_sequences": True, "zero_output_for_mask": True, "dropout": 0.3}, True),
        )
    ],
    *[
        Case(
            lambda kind=kind, own=own, whole=whole: kind(2, **own, return_sequences=whole), WITH_STATE[kind], mask=mask
        )
        for kind, own in KINDS
        for whole, mask in ((False, (MASK[:3], None, None)[: len(WITH_STATE[kind])]), (True, None))
    ],
    *[
        Case(lambda kind=kind, own=own: RNN(kind(2, **own), go_backwards=True), (4, 3, 2), mask=MASK)
        for kind, own in CELLS
    ],
    Case(lambda: RNN(LSTMCell(2), return_sequences=True), WITH_STATE[LSTM], mask=(MASK[:3], None, None)),
    Case(lambda: RNN([GRUCell(2), SimpleRNNCell(2)], zero_output_for_mask=True), WITH_STATE[LSTM]),
    Case(lambda: Bidirectional(GRU(2)), WITH_STATE[LSTM], mask=(MASK[:3], None, None)),
    Case(lambda: Bidirectional(LSTM(2, return_sequences=True)), (4, 3, 2), mask=MASK),
    Case(lambda: Sequential([Embedding(5, 2, mask_zero=True), LSTM(2)], seed=0), (4, 5)),
]
