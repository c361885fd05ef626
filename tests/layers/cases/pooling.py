"""Pooling over windows, over everything, and into bins."""

from layers.cases.case import Case

SHAPES = {1: (2, 5, 2), 2: (2, 3, 5, 2), 3: (2, 3, 2, 4, 1)}
FIRST = {"data_format": "channels_first"}
WINDOWS = [
    {},
    {"pool_size": 2, "strides": 1},
    {"pool_size": 3, "padding": "same"},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 1, "strides": 2},
    {"pool_size": 2, "strides": 3, "padding": "same"},
]
CASES = [
    case
    for kind in ("Max", "Average")
    for case in [
        *[
            Case(f"{kind}Pooling{rank}D", options, shape)
            for rank, shape in SHAPES.items()
            for options in WINDOWS[: None if rank < 3 else 3]
        ],
        Case(f"{kind}Pooling2D", {"pool_size": 2, **FIRST}, (2, 2, 3, 4)),
        Case(f"{kind}Pooling2D", {"pool_size": (2, 3), "strides": (1, 2), "padding": "same", **FIRST}, (2, 2, 3, 4)),
        Case(f"{kind}Pooling2D", {"pool_size": (3, 5)}, (2, 3, 5, 1)),
        Case(f"{kind}Pooling2D", {"pool_size": 2, "padding": "same"}, (2, 1, 1, 2)),
        *[
            Case(f"Global{kind}Pooling{rank}D", options, shape)
            for rank, shape in SHAPES.items()
            for options in ({}, {"keepdims": True}, FIRST)
        ],
        Case(f"Global{kind}Pooling1D", {"keepdims": True, **FIRST}, (2, 2, 1)),
        *[
            Case(f"Adaptive{kind}Pooling{rank}D", {"output_size": size}, shape)
            for rank, shape in SHAPES.items()
            for size in (1, 2, 3)
        ],
        Case(f"Adaptive{kind}Pooling2D", {"output_size": (2, 4), **FIRST}, (2, 2, 3, 3)),
    ]
]
