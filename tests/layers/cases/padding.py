"""Padding, cropping and repetition."""

from layers.cases.case import Case
from nnlite.layers import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)

FIRST = {"data_format": "channels_first"}
ROWS = [
    (ZeroPadding1D, {}, (2, 3, 2)),
    (ZeroPadding1D, {"padding": (0, 2)}, (2, 3, 2)),
    (ZeroPadding1D, {"padding": (2, 1), **FIRST}, (2, 3, 1)),
    (ZeroPadding2D, {}, (2, 1, 1, 2)),
    (ZeroPadding2D, {"padding": (0, 2)}, (2, 2, 3, 1)),
    (ZeroPadding2D, {"padding": ((1, 0), (2, 1)), **FIRST}, (2, 2, 2, 1)),
    (ZeroPadding3D, {}, (2, 1, 2, 1, 1)),
    (ZeroPadding3D, {"padding": ((1, 0), (0, 2), (0, 0)), **FIRST}, (2, 1, 2, 1, 2)),
    (Cropping1D, {}, (2, 4, 2)),
    (Cropping1D, {"cropping": (0, 2)}, (2, 3, 2)),
    (Cropping2D, {}, (2, 2, 3, 2)),
    (Cropping2D, {"cropping": ((1, 0), (2, 1))}, (2, 2, 5, 2)),
    (Cropping2D, {"cropping": (0, 1), **FIRST}, (2, 2, 1, 3)),
    (Cropping3D, {}, (2, 3, 3, 4, 2)),
    (Cropping3D, {"cropping": (0, (0, 1), (1, 0)), **FIRST}, (2, 2, 1, 3, 2)),
    (UpSampling1D, {}, (2, 3, 2)),
    (UpSampling1D, {"size": 3}, (2, 1, 1)),
    (UpSampling2D, {}, (2, 2, 1, 2)),
    (UpSampling2D, {"size": (1, 3), **FIRST}, (2, 2, 2, 1)),
    *[
        (UpSampling2D, {"size": (2, 3), "interpolation": name}, (2, 2, 3, 1))
        for name in ("bilinear", "bicubic", "lanczos3", "lanczos5")
    ],
    (UpSampling2D, {"interpolation": "bilinear", **FIRST}, (2, 2, 3, 1)),
    (UpSampling3D, {}, (2, 1, 2, 1, 1)),
    (UpSampling3D, {"size": (2, 1, 2), **FIRST}, (2, 2, 1, 2, 1)),
]
CASES = [Case(lambda kind=kind, options=options: kind(**options), shape) for kind, options, shape in ROWS]
