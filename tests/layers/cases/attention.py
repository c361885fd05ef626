"""Attention with and without heads, its masks, einsum layers and positions."""

import numpy as np

from layers.cases.case import Case
from nnlite.layers import (
    AdditiveAttention,
    Attention,
    EinsumDense,
    MultiHeadAttention,
    PositionEmbedding,
    SinePositionEncoding,
)

PADDED = np.array([[True, True, False], [True, False, False]])
ALL_MASKED = np.array([[True, True, False], [False, False, False]])
PAIRS = np.array([[[True, False, True], [True, True, True], [False] * 3]] * 2)
PAIR, TRIPLE = ((2, 3, 4), (2, 2, 4)), ((2, 3, 2), (2, 2, 4), (2, 2, 3))

CASES = [
    *[
        Case(lambda o=options: MultiHeadAttention(**{"num_heads": 2, "key_dim": 2} | o), shape, training, mask)
        for options, shape, training, mask in [
            ({}, (2, 3, 4), False, None),
            ({"num_heads": 1, "key_dim": 1}, (2, 1, 1), False, None),
            ({"num_heads": 3, "value_dim": 1, "use_bias": False}, (2, 3, 2), False, None),
            ({"output_shape": 3}, (2, 2, 2), False, None),
            ({"output_shape": (2, 1)}, (2, 2, 2), False, None),
            ({"use_causal_mask": True}, (2, 3, 2), False, None),
            ({"dropout": 0.4}, (2, 3, 2), False, None),
            ({"dropout": 0.4}, (2, 3, 2), True, None),
            ({"dropout": 0.4, "seed": 3, "use_causal_mask": True}, (2, 3, 2), True, ALL_MASKED),
            ({"kernel_initializer": "he_normal", "kernel_regularizer": "l2"}, (2, 2, 2), False, None),
            ({}, (2, 3, 2), False, PADDED),
            ({}, (2, 3, 2), False, ALL_MASKED),
            ({}, (2, 3, 2), False, PAIRS),
            ({}, (2, 2, 3, 2), False, None),
            ({"attention_axes": 2}, (2, 2, 3, 2), False, None),
            ({"attention_axes": (-3,), "use_bias": False}, (2, 2, 3, 2), False, None),
            ({"attention_axes": (3, 1), "num_heads": 1}, (2, 2, 1, 2, 2), False, None),
            ({}, PAIR, False, None),
            ({"use_causal_mask": True}, PAIR, False, (None, PADDED[:, :2])),
            ({"value_dim": 1}, TRIPLE, False, (PADDED, None, PADDED[:, 1:])),
            ({"dropout": 0.4}, TRIPLE, True, (None, None, None, PAIRS[:, :, 1:])),
            ({"attention_axes": 1}, ((2, 3, 2, 2), (2, 2, 2, 1)), False, None),
        ]
    ],
    *[
        Case(lambda o=options: Attention(**o), shape, training, mask)
        for options, shape, training, mask in [
            ({}, (2, 3, 2), False, None),
            ({}, (2, 1, 1), False, None),
            ({"use_scale": True}, PAIR, False, None),
            ({"use_scale": True, "score_mode": "concat"}, PAIR, False, None),
            ({"score_mode": "concat", "use_causal_mask": True}, (2, 3, 2), False, PADDED),
            ({"dropout": 0.4, "seed": 3}, PAIR, True, None),
            ({"dropout": 0.4}, ((2, 3, 2), (2, 2, 3), (2, 2, 2)), True, (PADDED, ALL_MASKED[:, 1:], None)),
            ({}, (2, 3, 2), False, ALL_MASKED),
            ({}, (2, 3, 2), False, PAIRS),
        ]
    ],
    *[
        Case(lambda o=options: AdditiveAttention(**o), shape, training, mask)
        for options, shape, training, mask in [
            ({}, (2, 3, 2), False, None),
            ({"use_scale": False}, PAIR, False, None),
            ({"use_causal_mask": True, "dropout": 0.4, "seed": 3}, PAIR, True, (PADDED, PADDED[:, :2])),
            ({}, ((2, 3, 2), (2, 2, 3), (2, 2, 2)), False, (None, ALL_MASKED[:, 1:])),
        ]
    ],
    *[
        Case(lambda a=arguments, o=options: EinsumDense(*a, **o), shape)
        for arguments, options, shape in [
            (("ab,bc->ac", 3), {}, (2, 4)),
            (("ab,bc->ac", 3), {"bias_axes": "c", "activation": "tanh"}, (1, 4)),
            (("abc,cd->abd", (None, 2)), {"bias_axes": "d"}, (2, 3, 4)),
            (("abc,cd->abd", (3, 2)), {"bias_axes": "bd"}, (2, 3, 4)),
            (("abc,cde->abde", (None, 2, 3)), {"bias_axes": "d", "kernel_regularizer": "l2"}, (2, 2, 2)),
            (("abcd,cde->abe", (None, 3)), {"bias_axes": "e"}, (2, 2, 2, 2)),
            (("abc,bcd->ad", 2), {"bias_axes": "d"}, (2, 3, 2)),
            (("abc,bd->acd", (None, 2)), {"kernel_initializer": "he_normal"}, (2, 3, 2)),
            (("...x,xy->...y", 3), {"bias_axes": "y", "activation": "softmax"}, (2, 3, 2)),
            (("...x,xy->...y", 3), {"bias_axes": "y"}, (2, 2, 1, 2)),
            (("ab...,bc->ac...", 3), {"bias_axes": "c"}, (2, 2, 3)),
            (("ab,b->ab", (None,)), {"bias_axes": "b"}, (2, 3)),
            (("ab,b->a", None), {}, (2, 3)),
        ]
    ],
    Case(lambda: PositionEmbedding(3), (2, 3, 2)),
    Case(lambda: PositionEmbedding(5, "normal"), (2, 3, 2)),
    Case(lambda: PositionEmbedding(2), (2, 2, 1, 3)),
    Case(lambda: SinePositionEncoding(), (2, 3, 4)),
    Case(lambda: SinePositionEncoding(max_wavelength=50), (2, 2, 1, 3)),
]
