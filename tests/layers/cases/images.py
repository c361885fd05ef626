"""Images resized, cut, turned, moved and recoloured."""

from layers.cases.case import Case
from nnlite.layers import (
    CenterCrop,
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    Resizing,
)

FIRST = {"data_format": "channels_first"}
FILLED = [{"fill_mode": mode, "fill_value": 0.7} for mode in ("reflect", "wrap", "constant", "nearest")]
CASES = [
    *[
        Case(lambda o=options: Resizing(**o), shape)
        for options, shape in [
            ({"height": 5, "width": 3}, (2, 3, 4, 2)),
            ({"height": 2, "width": 5, **FIRST}, (2, 2, 3, 3)),
            ({"height": 1, "width": 1}, (2, 3, 2, 1)),
            ({"height": 3, "width": 3}, (2, 1, 1, 2)),
            *[
                ({"height": 3, "width": 5, "interpolation": kind}, (2, 4, 3, 1))
                for kind in ("nearest", "bicubic", "lanczos3", "lanczos5")
            ],
            ({"height": 3, "width": 3, "crop_to_aspect_ratio": True}, (2, 3, 5, 1)),
            ({"height": 4, "width": 2, "crop_to_aspect_ratio": True, **FIRST}, (2, 1, 2, 3)),
            ({"height": 3, "width": 3, "pad_to_aspect_ratio": True, "fill_value": 0.5}, (2, 2, 4, 2)),
            ({"height": 2, "width": 5, "pad_to_aspect_ratio": True, "fill_value": 0.5, **FIRST}, (2, 1, 3, 2)),
        ]
    ],
    *[
        Case(lambda o=options: CenterCrop(**o), shape)
        for options, shape in [
            ({"height": 2, "width": 3}, (2, 5, 4, 1)),
            ({"height": 3, "width": 3, **FIRST}, (2, 2, 3, 3)),
            ({"height": 4, "width": 2}, (2, 3, 3, 1)),
        ]
    ],
    *[
        Case(lambda kind=kind, o=options: kind(**o), shape, mode)
        for kind, options, shape in [
            (RandomFlip, {}, (3, 3, 2, 1)),
            (RandomFlip, {"mode": "horizontal", "seed": 1}, (3, 2, 3, 2)),
            (RandomFlip, {"mode": "vertical", **FIRST}, (3, 2, 3, 1)),
            *[(RandomRotation, {"factor": 0.4, **filled}, (2, 3, 4, 1)) for filled in FILLED],
            (RandomRotation, {"factor": (0.1, 0.2), "interpolation": "nearest", "seed": 4, **FIRST}, (2, 2, 3, 3)),
            *[(RandomTranslation, {"height_factor": 0.9, "width_factor": 0.6, **o}, (2, 3, 3, 1)) for o in FILLED],
            (RandomTranslation, {"height_factor": (0.2, 0.3), "width_factor": 0.0, **FIRST}, (2, 2, 4, 1)),
            *[(RandomZoom, {"height_factor": 0.8, "width_factor": 0.5, **filled}, (2, 3, 3, 1)) for filled in FILLED],
            (RandomZoom, {"height_factor": (-0.5, -0.2), "interpolation": "nearest", **FIRST}, (2, 2, 4, 3)),
            (RandomCrop, {"height": 2, "width": 3}, (3, 4, 5, 2)),
            (RandomCrop, {"height": 3, "width": 2, "seed": 2, **FIRST}, (3, 1, 3, 4)),
            (RandomCrop, {"height": 3, "width": 3}, (2, 2, 4, 1)),
            (RandomBrightness, {"factor": 0.5, "value_range": (-1.0, 1.0)}, (3, 2, 2, 2)),
            (RandomBrightness, {"factor": (0.1, 0.2), "seed": 1}, (2, 1, 1, 3)),
            (RandomContrast, {"factor": 0.5, "value_range": (-1.0, 1.0)}, (2, 2, 3, 2)),
            (RandomContrast, {"factor": (0.2, 0.7), "value_range": (-9.0, 9.0), "seed": 1, **FIRST}, (2, 2, 3, 1)),
        ]
        for mode in (False, True)
    ],
]
