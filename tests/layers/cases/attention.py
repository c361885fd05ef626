"""Attention with and without heads, its masks, einsum layers and positions."""

import numpy as np

from layers.cases.case import Case

PADDED = np.array([[True, True, False], [True, False, False]])
ALL_MASKED = np.array([[True, True, False], [False, False, False]])
PAIRS = np.array([[[True, False, True], [True, True, True], [False] * 3]] * 2)
PAIR, TRIPLE, WIDTHS = ((2, 3, 4), (2, 2, 4)), ((2, 3, 2), (2, 2, 4), (2, 2, 3)), ((2, 3, 2), (2, 2, 3), (2, 2, 2))

HEADS = [
    ({}, (2, 3, 4)),
    ({"num_heads": 1, "key_dim": 1}, (2, 1, 1)),
    ({"num_heads": 3, "value_dim": 1, "use_bias": False}, (2, 3, 2)),
    ({"output_shape": 3}, (2, 2, 2)),
    ({"output_shape": (2, 1)}, (2, 2, 2)),
    ({"use_causal_mask": True}, (2, 3, 2)),
    ({"dropout": 0.4}, (2, 3, 2)),
    ({"dropout": 0.4, "seed": 3, "use_causal_mask": True}, (2, 3, 2), ALL_MASKED),
    ({"kernel_initializer": "he_normal", "kernel_regularizer": "l2"}, (2, 2, 2)),
    ({}, (2, 3, 2), PADDED),
    ({}, (2, 3, 2), ALL_MASKED),
    ({}, (2, 3, 2), PAIRS),
    ({}, (2, 2, 3, 2)),
    ({"attention_axes": 2}, (2, 2, 3, 2)),
    ({"attention_axes": (-3,), "use_bias": False}, (2, 2, 3, 2)),
    ({"attention_axes": (3, 1), "num_heads": 1}, (2, 2, 1, 2, 2)),
    ({}, PAIR),
    ({"use_causal_mask": True}, PAIR, (None, PADDED[:, :2])),
    ({"value_dim": 1}, TRIPLE, (PADDED, None, PADDED[:, 1:])),
    ({"dropout": 0.4}, TRIPLE, (None, None, None, PAIRS[:, :, 1:])),
    ({"attention_axes": 1}, ((2, 3, 2, 2), (2, 2, 2, 1))),
    ({"use_gate": True, "value_dim": 1}, PAIR),
    ({"use_gate": True, "use_bias": False, "sliding_window": 2}, (2, 3, 2)),
    ({"attention_axes": 2}, ((1, 2, 3, 2), (1, 2, 2, 2)), (None, None, np.tri(3, 2, dtype=bool))),
]
GROUPS = [
    ({}, (2, 3, 2)),
    ({"use_bias": False, "use_gate": True}, PAIR),
    ({"dropout": 0.4, "seed": 3, "sliding_window": 1}, (2, 3, 2), PADDED),
    ({"num_key_value_heads": 1, "use_causal_mask": True}, TRIPLE),
]
EINSUM = [
    ("ab,bc->ac", 3, {}, (2, 4)),
    ("ab,bc->ac", 3, {"bias_axes": "c", "activation": "tanh"}, (1, 4)),
    ("abc,cd->abd", (None, 2), {"bias_axes": "d"}, (2, 3, 4)),
    ("abc,cd->abd", (3, 2), {"bias_axes": "bd"}, (2, 3, 4)),
    ("abc,cde->abde", (None, 2, 3), {"bias_axes": "d", "kernel_regularizer": "l2"}, (2, 2, 2)),
    ("abcd,cde->abe", (None, 3), {"bias_axes": "e"}, (2, 2, 2, 2)),
    ("abc,bcd->ad", 2, {"bias_axes": "d"}, (2, 3, 2)),
    ("abc,bd->acd", (None, 2), {"kernel_initializer": "he_normal"}, (2, 3, 2)),
    ("...x,xy->...y", 3, {"bias_axes": "y", "activation": "softmax"}, (2, 3, 2)),
    ("...x,xy->...y", 3, {"bias_axes": "y"}, (2, 2, 1, 2)),
    ("ab...,bc->ac...", 3, {"bias_axes": "c"}, (2, 2, 3)),
    ("ab,b->ab", (None,), {"bias_axes": "b"}, (2, 3)),
    ("ab,b->a", None, {}, (2, 3)),
]
CASES = [
    *[Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 2, **options}, *rest) for options, *rest in HEADS],
    *[
        Case("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 2, **options}, *rest)
        for options, *rest in GROUPS
    ],
    Case("GroupQueryAttention", {"head_dim": 1, "num_query_heads": 4, "num_key_value_heads": 2}, (2, 2, 2)),
    Case("Attention", {}, (2, 3, 2)),
    Case("Attention", {"use_scale": True}, ((2, 2, 3, 2), (2, 2, 2, 2)), (PADDED[:, None].repeat(2, 1), None)),
    Case("Attention", {}, (2, 1, 1)),
    Case("Attention", {"use_scale": True}, PAIR),
    Case("Attention", {"use_scale": True, "score_mode": "concat"}, PAIR),
    Case("Attention", {"score_mode": "concat", "use_causal_mask": True}, (2, 3, 2), PADDED),
    Case("Attention", {"dropout": 0.4, "seed": 3}, PAIR),
    Case("Attention", {"dropout": 0.4}, WIDTHS, (PADDED, ALL_MASKED[:, 1:], None)),
    Case("Attention", {}, (2, 3, 2), ALL_MASKED),
    Case("Attention", {}, (2, 3, 2), PAIRS),
    Case("AdditiveAttention", {}, (2, 3, 2)),
    Case("AdditiveAttention", {"use_scale": False}, PAIR),
    Case("AdditiveAttention", {"use_causal_mask": True, "dropout": 0.4, "seed": 3}, PAIR, (PADDED, PADDED[:, :2])),
    Case("AdditiveAttention", {}, WIDTHS, (None, ALL_MASKED[:, 1:])),
    *[
        Case("EinsumDense", {"equation": equation, "output_shape": outputs, **options}, shape)
        for equation, outputs, options, shape in EINSUM
    ],
    Case("PositionEmbedding", {"sequence_length": 3}, (2, 3, 2)),
    Case("PositionEmbedding", {"sequence_length": 5, "initializer": "normal"}, (2, 3, 2)),
    Case("PositionEmbedding", {"sequence_length": 2}, (2, 2, 1, 3)),
    Case("SinePositionEncoding", {}, (2, 3, 4)),
    Case("SinePositionEncoding", {"max_wavelength": 50}, (2, 2, 1, 3)),
]
