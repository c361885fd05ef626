"""Lookups, hashing, encodings, bins and texts."""

from layers.cases.case import WORDS, Case

KNOWN = {"vocabulary": ["red", "a"]}
WEIGHTS = {**KNOWN, "idf_weights": [0.5, 2.0], "output_mode": "tf_idf"}
NUMBERS = {"vocabulary": [3, 1]}
ENCODED = ("one_hot", "multi_hot", "count")
COLUMNS = ((3,), (3, 1), (3, 2))
JOINED = ("multi_hot", "count", "tf_idf")  # modes that take `(3,)` for one example, when they are called by themselves
STRINGS = [
    KNOWN,
    {**KNOWN, "num_oov_indices": 3, "mask_token": "green"},
    {"vocabulary": WORDS, "num_oov_indices": 0},
    *[{**KNOWN, "output_mode": mode, "mask_token": "blue"} for mode in ENCODED],
    {**KNOWN, "output_mode": "count", "max_tokens": 6, "pad_to_max_tokens": True},
    WEIGHTS,
    {**WEIGHTS, "max_tokens": 5, "pad_to_max_tokens": True, "num_oov_indices": 2},
]
INTEGERS = [
    NUMBERS,
    {**NUMBERS, "num_oov_indices": 2, "mask_token": 0},
    {"vocabulary": [2, 0, 1, 4, 3], "num_oov_indices": 0},
    {**NUMBERS, "output_mode": "one_hot"},
    {"vocabulary": [9, 8, 7, 6], "invert": True},
    {**NUMBERS, "output_mode": "tf_idf", "idf_weights": [3.0, 0.5, 2.0]},
]
TEXTS = [
    {**KNOWN, "output_sequence_length": 1},
    {**KNOWN, "output_sequence_length": 3, "standardize": None, "split": "character"},
    {**KNOWN, "output_sequence_length": 4, "ngrams": 2, "standardize": "lower"},
    {**KNOWN, "output_mode": "multi_hot", "standardize": "strip_punctuation"},
    {**KNOWN, "output_mode": "count", "ngrams": (1, 2), "max_tokens": 5, "pad_to_max_tokens": True},
    WEIGHTS,
]


def columns(mode: object) -> tuple:
    """The shapes for a mode."""
    return COLUMNS[mode in JOINED :]


def chain(*layers: object) -> dict:
    """The options of a `Sequential`."""
    return {"layers": list(layers), "seed": 0}


CASES = [
    *[
        Case("CategoryEncoding", {"num_tokens": 5, "output_mode": mode}, shape)
        for mode in ENCODED
        for shape in columns(mode)
    ],
    Case("CategoryEncoding", {"num_tokens": 7}, (2, 3, 2)),
    *[
        Case("Discretization", {"bin_boundaries": [-0.3, 0.1], "output_mode": mode}, shape)
        for mode in ("int", *ENCODED)
        for shape in columns(mode)
    ],
    *[
        Case("Hashing", {"num_bins": 4, "output_mode": mode}, shape)
        for mode in ("int", *ENCODED)
        for shape in columns(mode)
    ],
    Case("Hashing", {"num_bins": 4, "mask_value": "red", "salt": 133}, (5,)),
    Case("Hashing", {"num_bins": 1, "mask_value": 5, "salt": (1, 2)}, (2, 3)),
    Case("HashedCrossing", {"num_bins": 5}, (4, 2)),
    Case("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot"}, (4, 3)),
    *[Case("StringLookup", own, shape) for own in STRINGS for shape in columns(own.get("output_mode"))],
    *[Case("IntegerLookup", own, shape) for own in INTEGERS for shape in columns(own.get("output_mode"))[::2]],
    Case("Rescaling", {"scale": [2.0, 0.5], "offset": [1.0, 0.0]}, (3, 2)),
    *[Case("TextVectorization", options, shape) for options in TEXTS for shape in COLUMNS[:2]],
    Case("TextVectorization", {**KNOWN, "split": None, "output_mode": "count"}, (3, 2)),
    Case(
        "Sequential",
        chain(
            {"StringLookup": KNOWN},
            {"Embedding": {"input_dim": 3, "output_dim": 2}},
            "Flatten",
            {"Dense": {"units": 2}},
        ),
        (3, 2),
    ),
    Case("Sequential", chain({"TextVectorization": WEIGHTS}, {"Dense": {"units": 2}}), (3,)),
    Case(
        "Sequential",
        chain(
            {"Dense": {"units": 2}},
            {"Discretization": {"bin_boundaries": [0.0]}},
            {"Embedding": {"input_dim": 2, "output_dim": 2}},
        ),
        (3, 2),
    ),
]
