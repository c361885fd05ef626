"""Lookups, hashing, encodings, bins and texts."""

from layers.cases.case import WORDS, Case
from nnlite.layers import (
    CategoryEncoding,
    Dense,
    Discretization,
    Embedding,
    Flatten,
    HashedCrossing,
    Hashing,
    IntegerLookup,
    StringLookup,
    TextVectorization,
)
from nnlite.models import Sequential

FOUND = {"vocabulary": ["red", "a"]}
WEIGHTS = {**FOUND, "idf_weights": [0.5, 2.0], "output_mode": "tf_idf"}
NUMBERS = {"vocabulary": [3, 1]}
ENCODED = ("one_hot", "multi_hot", "count")
CASES = [
    *[Case(lambda m=mode: CategoryEncoding(5, m), shape) for mode in ENCODED for shape in ((3,), (3, 1), (3, 2))],
    Case(lambda: CategoryEncoding(7), (2, 3, 2)),
    *[
        Case(lambda m=mode: Discretization([-0.3, 0.1], output_mode=m), shape)
        for mode in ("int", *ENCODED)
        for shape in ((3,), (3, 1), (3, 2))
    ],
    *[
        Case(lambda m=mode: Hashing(4, output_mode=m), shape)
        for mode in ("int", *ENCODED)
        for shape in ((3,), (3, 1), (3, 2))
    ],
    Case(lambda: Hashing(4, mask_value="red", salt=133), (5,)),
    Case(lambda: Hashing(1, mask_value=5, salt=(1, 2)), (2, 3)),
    Case(lambda: HashedCrossing(5), (4, 2)),
    Case(lambda: HashedCrossing(5, output_mode="one_hot"), (4, 3)),
    *[
        Case(lambda o=options: StringLookup(**o), shape)
        for options in (
            FOUND,
            {**FOUND, "num_oov_indices": 3, "mask_token": "green"},
            {"vocabulary": WORDS, "num_oov_indices": 0},
            *[{**FOUND, "output_mode": mode, "mask_token": "blue"} for mode in ENCODED],
            {**FOUND, "output_mode": "count", "max_tokens": 6, "pad_to_max_tokens": True},
            WEIGHTS,
            {**WEIGHTS, "max_tokens": 5, "pad_to_max_tokens": True, "num_oov_indices": 2},
        )
        for shape in ((3,), (3, 1), (3, 2))
    ],
    *[
        Case(lambda o=options: IntegerLookup(**o), shape)
        for options in (
            NUMBERS,
            {**NUMBERS, "num_oov_indices": 2, "mask_token": 0},
            {"vocabulary": [2, 0, 1, 4, 3], "num_oov_indices": 0},
            {**NUMBERS, "output_mode": "one_hot"},
            {"vocabulary": [9, 8, 7, 6], "invert": True},
            {**NUMBERS, "output_mode": "tf_idf", "idf_weights": [3.0, 0.5, 2.0]},
        )
        for shape in ((3,), (3, 2))
    ],
    *[
        Case(lambda o=options: TextVectorization(**o), shape)
        for options in (
            {**FOUND, "output_sequence_length": 1},
            {**FOUND, "output_sequence_length": 3, "standardize": None, "split": "character"},
            {**FOUND, "output_sequence_length": 4, "ngrams": 2, "standardize": "lower"},
            {**FOUND, "output_mode": "multi_hot", "standardize": "strip_punctuation"},
            {**FOUND, "output_mode": "count", "ngrams": (1, 2), "max_tokens": 5, "pad_to_max_tokens": True},
            WEIGHTS,
        )
        for shape in ((3,), (3, 1))
    ],
    Case(lambda: TextVectorization(**FOUND, split=None, output_mode="count"), (3, 2)),
    Case(lambda: Sequential([StringLookup(**FOUND), Embedding(3, 2), Flatten(), Dense(2)], seed=0), (3, 2)),
    Case(lambda: Sequential([TextVectorization(**WEIGHTS), Dense(2)], seed=0), (3,)),
    Case(lambda: Sequential([Dense(2), Discretization([0.0]), Embedding(2, 2)], seed=0), (3, 2)),
]
