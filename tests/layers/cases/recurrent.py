"""Recurrent layers, their cells, and the layers around them."""

import numpy as np

from layers.cases.case import Case

KINDS = [("SimpleRNN", {}), ("LSTM", {}), ("GRU", {}), ("GRU", {"reset_after": False})]
OPTIONS = [
    ({}, (3, 3, 2)),
    ({}, (2, 1, 3)),
    ({"return_sequences": True}, (2, 3, 1)),
    ({"return_sequences": True, "go_backwards": True, "use_bias": False}, (2, 3, 2)),
    ({"stateful": True, "batch_size": 1}, (1, 3, 2)),
    ({"dropout": 0.4}, (2, 3, 4)),
    ({"recurrent_dropout": 0.4, "dropout": 0.2, "seed": 5, "return_sequences": True}, (2, 2, 4)),
    ({"activation": "softplus", "go_backwards": True, "return_sequences": True}, (2, 2, 2)),
]
MASK = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 1, 0]], bool)
MASKED = [
    {},
    {"return_sequences": True},
    {"go_backwards": True, "zero_output_for_mask": True},
    {"return_sequences": True, "zero_output_for_mask": True, "dropout": 0.3},
]
STATES = {"SimpleRNN": ((3, 3, 2), (3, 2)), "GRU": ((3, 3, 2), (3, 2)), "LSTM": ((3, 3, 2), (3, 2), (3, 2))}
FIRST_MASKED = (MASK[:3], None, None)


def cell(name: str, **options: object) -> dict:
    """The spec of a cell of two units."""
    return {f"{name}Cell": {"units": 2, **options}}


def around(name: str, **options: object) -> dict:
    """The spec of a recurrent layer of two units, as a wrapper takes it."""
    return {name: {"units": 2, **options}}


CASES = [
    *[Case(kind, {"units": 2, **own, **options}, shape) for kind, own in KINDS for options, shape in OPTIONS],
    Case("LSTM", {"units": 1, "unit_forget_bias": False, "kernel_regularizer": "l2", "dtype": None}, (2, 2, 1)),
    Case("LSTM", {"units": 2, "activation": None, "recurrent_activation": "hard_sigmoid"}, (2, 2, 1)),
    Case("GRU", {"units": 2, "activation": "tanh", "recurrent_activation": None}, (2, 2, 1)),
    *[Case(f"{kind}Cell", {"units": 2, **own}, (3, 4)) for kind, own in KINDS],
    *[
        Case(f"{kind}Cell", {"units": 2, "dropout": 0.4, "recurrent_dropout": 0.3, **own}, (3, 4))
        for kind, own in KINDS
    ],
    *[
        Case("RNN", {"cell": cell(kind, use_bias=False, **own), "return_sequences": True}, (2, 3, 2))
        for kind, own in KINDS
    ],
    Case("StackedRNNCells", {"cells": [cell("LSTM"), {"SimpleRNNCell": {"units": 3}}]}, (2, 4)),
    Case("RNN", {"cell": [cell("GRU"), {"LSTMCell": {"units": 1}}]}, (2, 2, 2)),
    Case(
        "RNN",
        {"cell": [cell("GRU"), {"LSTMCell": {"units": 1}}], "go_backwards": True, "stateful": True, "batch_size": 1},
        (1, 2, 2),
    ),
    Case(
        "RNN",
        {"cell": {"StackedRNNCells": {"cells": [cell("SimpleRNN", dropout=0.5), cell("SimpleRNN")]}}},
        (2, 2, 4),
    ),
    *[
        Case("Bidirectional", {"layer": around("GRU", return_sequences=whole), "merge_mode": mode}, (2, 3, 2))
        for mode, whole in (("concat", True), ("sum", False), ("mul", True), ("ave", True))
    ],
    Case(
        "Bidirectional",
        {"layer": around("LSTM", go_backwards=True), "backward_layer": {"SimpleRNN": {"units": 1}}},
        (2, 3, 2),
    ),
    Case("Bidirectional", {"layer": around("SimpleRNN", dropout=0.3)}, (2, 3, 2)),
    Case(
        "Bidirectional",
        {"layer": around("SimpleRNN", stateful=True, batch_size=1), "merge_mode": "sum"},
        (1, 3, 2),
    ),
    Case("TimeDistributed", {"layer": {"Dense": {"units": 2, "activation": "softmax"}}}, (2, 3, 2)),
    Case("TimeDistributed", {"layer": around("SimpleRNN")}, (2, 2, 3, 1)),
    Case("TimeDistributed", {"layer": {"Dropout": {"rate": 0.5}}}, (2, 3, 2)),
    Case("TimeDistributed", {"layer": {"Embedding": {"input_dim": 5, "output_dim": 2}}}, (2, 3, 1)),
    Case("TimeDistributed", {"layer": "BatchNormalization"}, (2, 3, 2)),
    Case("Masking", {}, (2, 3, 2)),
    Case("Masking", {"mask_value": -1.0}, (1, 1, 1)),
    *[Case(kind, {"units": 2, **own, **options}, (4, 3, 2), MASK) for kind, own in KINDS for options in MASKED],
    *[
        Case(kind, {"units": 2, **own, **options}, STATES[kind], mask)
        for kind, own in KINDS
        for options, mask in (({}, FIRST_MASKED[: len(STATES[kind])]), ({"return_sequences": True}, None))
    ],
    *[Case("RNN", {"cell": cell(kind, **own), "go_backwards": True}, (4, 3, 2), MASK) for kind, own in KINDS],
    Case("RNN", {"cell": cell("LSTM"), "return_sequences": True}, STATES["LSTM"], FIRST_MASKED),
    Case("RNN", {"cell": [cell("GRU"), cell("SimpleRNN")], "zero_output_for_mask": True}, STATES["LSTM"]),
    Case("Bidirectional", {"layer": around("GRU")}, STATES["LSTM"], FIRST_MASKED),
    Case("Bidirectional", {"layer": around("LSTM", return_sequences=True)}, (4, 3, 2), MASK),
    Case("ConvLSTM1D", {"filters": 2, "kernel_size": 2}, (2, 2, 3, 1)),
    Case(
        "ConvLSTM1D", {"filters": 1, "kernel_size": 3, "padding": "same", "return_sequences": True}, (4, 3, 2, 2), MASK
    ),
    Case("ConvLSTM1D", {"filters": 1, "kernel_size": 1, "dropout": 0.3, "recurrent_dropout": 0.3}, (2, 2, 2, 2)),
    Case("ConvLSTM2D", {"filters": 1, "kernel_size": 2, "go_backwards": True, "use_bias": False}, (2, 2, 2, 3, 1)),
    Case(
        "ConvLSTM2D",
        {"filters": 1, "kernel_size": (2, 1), "strides": 2, "data_format": "channels_first", "return_sequences": True},
        (1, 2, 2, 3, 3),
    ),
    Case("ConvLSTM2D", {"filters": 1, "kernel_size": 2}, ((1, 2, 3, 3, 1), (1, 2, 2, 1), (1, 2, 2, 1))),
    Case("ConvLSTM2D", {"filters": 1, "kernel_size": 1, "stateful": True, "batch_size": 1}, (1, 2, 1, 2, 1)),
    Case("ConvLSTM3D", {"filters": 1, "kernel_size": 1, "activation": None}, (1, 2, 2, 1, 2, 1)),
    Case("Bidirectional", {"layer": {"ConvLSTM1D": {"filters": 1, "kernel_size": 2}}}, (1, 2, 3, 1)),
    Case(
        "Sequential",
        {"layers": [{"Embedding": {"input_dim": 5, "output_dim": 2, "mask_zero": True}}, around("LSTM")], "seed": 0},
        (4, 5),
    ),
]
