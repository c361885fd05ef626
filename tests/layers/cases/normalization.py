"""Normalization over the batch, layers and groups, by the root mean square, to unit length, and of kernels."""

import numpy as np

from layers.cases.case import Case

MASK = np.array([[True, True, False], [True, False, False], [True, True, True], [False, False, False]])
NORMALIZED = [
    ({}, (4, 3)),
    ({"axis": 1}, (3, 2, 4)),
    ({"axis": -2}, (2, 3, 2, 2)),
    ({"scale": False}, (4, 3)),
    ({"center": False, "epsilon": 0.1}, (4, 3)),
    ({"center": False, "scale": False}, (3, 2, 2)),
    ({}, (4, 1)),
    ({}, (3, 1, 1, 2)),
]
CASES = [
    *[Case(layer, *row) for layer in ("BatchNormalization", "LayerNormalization") for row in NORMALIZED],
    Case("BatchNormalization", {"trainable": False}, (4, 3)),
    Case("BatchNormalization", {}, (4, 3, 2), MASK),
    Case("BatchNormalization", {"axis": (1, 3)}, (3, 2, 2, 2)),
    Case("BatchNormalization", {"axis": (-1, -2), "center": False}, (4, 2, 3)),
    Case(
        "BatchNormalization",
        {"renorm": True, "renorm_clipping": {"rmax": 3.0}},
        (4, 3),
        skipped=("complex step, stencil",),  # while training, which takes two moments for constants
    ),
    Case("LayerNormalization", {"rms_scaling": True}, (4, 3)),
    Case("LayerNormalization", {"rms_scaling": True, "axis": (1, 2)}, (2, 3, 2, 2)),
    Case("LayerNormalization", {"axis": (1, 2)}, (2, 3, 2)),
    Case("LayerNormalization", {"axis": (-1, 1)}, (2, 3, 2, 2)),
    Case("GroupNormalization", {"groups": 2}, (3, 4)),
    Case("GroupNormalization", {"groups": 1}, (2, 2, 3)),
    Case("GroupNormalization", {"groups": -1}, (2, 3, 2)),
    Case("GroupNormalization", {"groups": 3, "axis": 1}, (2, 6, 2)),
    Case("GroupNormalization", {"groups": 2, "axis": -2, "epsilon": 0.1}, (2, 2, 4, 1)),
    Case("GroupNormalization", {"groups": 2, "scale": False}, (2, 3, 2)),
    Case("GroupNormalization", {"groups": 2, "center": False}, (2, 1, 4)),
    Case("GroupNormalization", {"groups": 1, "center": False, "scale": False}, (2, 1, 1, 3)),
    Case("RMSNormalization", {}, (3, 4)),
    Case("RMSNormalization", {"axis": 1}, (2, 3, 2)),
    Case("RMSNormalization", {"axis": (1, -1), "epsilon": 0.1}, (2, 2, 3, 2)),
    Case("RMSNormalization", {"epsilon": 0.1}, (2, 1)),
    Case("UnitNormalization", {}, (3, 4)),
    Case("UnitNormalization", {"axis": 1}, (2, 3, 2)),
    Case("UnitNormalization", {"axis": (1, -1)}, (2, 2, 3)),
    Case("UnitNormalization", {}, (2, 1)),
    Case("SpectralNormalization", {"layer": {"Dense": {"units": 3, "activation": "tanh"}}}, (2, 4)),
    Case(
        "SpectralNormalization",
        {"layer": {"Dense": {"units": 2, "use_bias": False}}, "power_iterations": 3},
        (2, 3, 2),
    ),
    Case("SpectralNormalization", {"layer": {"Embedding": {"input_dim": 5, "output_dim": 3}}}, (4, 2)),
]
