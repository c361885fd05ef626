"""Pooling over windows, over everything, and into bins."""

from layers.cases.case import Case
from nnlite.layers import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)

SHAPES = {1: (2, 5, 2), 2: (2, 3, 5, 2), 3: (2, 3, 2, 4, 1)}
FIRST = {"data_format": "channels_first"}
WINDOWED = {
    1: (MaxPooling1D, AveragePooling1D),
    2: (MaxPooling2D, AveragePooling2D),
    3: (MaxPooling3D, AveragePooling3D),
}
WHOLE = {
    1: (GlobalMaxPooling1D, GlobalAveragePooling1D),
    2: (GlobalMaxPooling2D, GlobalAveragePooling2D),
    3: (GlobalMaxPooling3D, GlobalAveragePooling3D),
}
ADAPTIVE = {
    1: (AdaptiveMaxPooling1D, AdaptiveAveragePooling1D),
    2: (AdaptiveMaxPooling2D, AdaptiveAveragePooling2D),
    3: (AdaptiveMaxPooling3D, AdaptiveAveragePooling3D),
}
OPTIONS = [
    {},
    {"pool_size": 2, "strides": 1},
    {"pool_size": 3, "padding": "same"},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 1, "strides": 2},
    {"pool_size": 2, "strides": 3, "padding": "same"},
]
CASES = [
    *[
        Case(lambda kind=kind, options=options: kind(**options), SHAPES[rank])
        for rank, kinds in WINDOWED.items()
        for kind in kinds
        for options in OPTIONS[: None if rank < 3 else 3]
    ],
    *[Case(lambda kind=kind: kind(2, **FIRST), (2, 2, 3, 4)) for kind in WINDOWED[2]],
    *[Case(lambda kind=kind: kind((2, 3), (1, 2), "same", "channels_first"), (2, 2, 3, 4)) for kind in WINDOWED[2]],
    *[Case(lambda kind=kind: kind((3, 5)), (2, 3, 5, 1)) for kind in WINDOWED[2]],
    *[Case(lambda kind=kind: kind(2, padding="same"), (2, 1, 1, 2)) for kind in WINDOWED[2]],
    *[
        Case(lambda kind=kind, options=options: kind(**options), SHAPES[rank])
        for rank, kinds in WHOLE.items()
        for kind in kinds
        for options in ({}, {"keepdims": True}, FIRST)
    ],
    *[Case(lambda kind=kind: kind(keepdims=True, **FIRST), (2, 2, 1)) for kind in WHOLE[1]],
    *[
        Case(lambda kind=kind, size=size: kind(size), SHAPES[rank])
        for rank, kinds in ADAPTIVE.items()
        for kind in kinds
        for size in (1, 2, 3)
    ],
    *[Case(lambda kind=kind: kind((2, 4), **FIRST), (2, 2, 3, 3)) for kind in ADAPTIVE[2]],
]
