"""Normalization over groups, by the root mean square, to unit length, and of kernels."""

from layers.cases.case import Case
from nnlite.layers import (
    BatchNormalization,
    GroupNormalization,
    RMSNormalization,
    SpectralNormalization,
    UnitNormalization,
)

CASES = [
    *[
        Case(lambda o=options: BatchNormalization(**o), shape, mode)
        for options, shape in [
            ({"axis": (1, 3)}, (3, 2, 2, 2)),
            ({"axis": (-1, -2), "center": False}, (4, 2, 3)),
        ]
        for mode in (False, True)
    ],
    Case(lambda: BatchNormalization(renorm=True, renorm_clipping={"rmax": 3.0}), (4, 3)),
    *[
        Case(lambda o=options: GroupNormalization(**o), shape)
        for options, shape in [
            ({"groups": 2}, (3, 4)),
            ({"groups": 1}, (2, 2, 3)),
            ({"groups": -1}, (2, 3, 2)),
            ({"groups": 3, "axis": 1}, (2, 6, 2)),
            ({"groups": 2, "axis": -2, "epsilon": 0.1}, (2, 2, 4, 1)),
            ({"groups": 2, "scale": False}, (2, 3, 2)),
            ({"groups": 2, "center": False}, (2, 1, 4)),
            ({"groups": 1, "center": False, "scale": False}, (2, 1, 1, 3)),
        ]
    ],
    *[
        Case(lambda o=options: RMSNormalization(**o), shape)
        for options, shape in [
            ({}, (3, 4)),
            ({"axis": 1}, (2, 3, 2)),
            ({"axis": (1, -1), "epsilon": 0.1}, (2, 2, 3, 2)),
            ({"epsilon": 0.1}, (2, 1)),
        ]
    ],
    *[
        Case(lambda o=options: UnitNormalization(**o), shape)
        for options, shape in [({}, (3, 4)), ({"axis": 1}, (2, 3, 2)), ({"axis": (1, -1)}, (2, 2, 3)), ({}, (2, 1))]
    ],
    *[
        Case(lambda o=options: SpectralNormalization(**o), shape, mode)
        for options, shape in [
            ({"layer": {"Dense": {"units": 3, "activation": "tanh"}}}, (2, 4)),
            ({"layer": {"Dense": {"units": 2, "use_bias": False}}, "power_iterations": 3}, (2, 3, 2)),
            ({"layer": {"Embedding": {"input_dim": 5, "output_dim": 3}}}, (4, 2)),
        ]
        for mode in (False, True)
    ],
]
