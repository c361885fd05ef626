"""Layers that make one array of several."""

import numpy as np

from layers.cases.case import Case

ALIKE = ((3, 2), (3, 2), (3, 2))
STRETCHED = ((2, 3, 2), (2, 1, 2), (2, 2))
STEPS = ((2, 3, 2), (2, 3, 2))
MASKS = (np.array([[True, False, False], [True, True, False]]), np.array([[True, True, False], [False, False, False]]))

CASES = [
    *[
        Case(layer, {}, shape, mask)
        for layer in ("Add", "Average", "Maximum", "Minimum", "Multiply")
        for shape, mask in [
            (ALIKE, None),
            (STRETCHED, None),
            (((2, 3),), None),
            (STEPS, MASKS),
            (STEPS, (MASKS[0], None)),
        ]
    ],
    Case("Subtract", {}, ALIKE[:2]),
    Case("Subtract", {}, STRETCHED[::2]),
    Case("Subtract", {}, STEPS, MASKS),
    Case("Concatenate", {}, ((2, 1), (2, 3), (2, 2))),
    Case("Concatenate", {}, ((2, 3),)),
    Case("Concatenate", {"axis": 1}, ((2, 1, 2), (2, 2, 2)), (None, MASKS[0][:, :2])),
    Case("Concatenate", {"axis": -2}, ((2, 1, 2), (2, 2, 2))),
    Case("Concatenate", {}, ((2, 3, 1), (2, 3, 2)), MASKS),
    Case("Dot", {"axes": 1}, ((2, 3), (2, 3))),
    Case("Dot", {"axes": -1, "normalize": True}, ((2, 3), (2, 3))),
    Case("Dot", {"axes": (2, 1)}, ((2, 3, 2), (2, 2, 4))),
    Case("Dot", {"axes": (1, 2), "normalize": True}, ((2, 3, 2), (2, 2, 3))),
    Case("Dot", {"axes": (1, -1)}, ((2, 3), (2, 2, 2, 3))),
]
