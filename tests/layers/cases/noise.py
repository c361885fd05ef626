"""Noise, dropout of channels and penalized activities."""

from layers.cases.case import Case
from nnlite.layers import (
    ActivityRegularization,
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)

CASES = [
    *[
        Case(lambda make=make: make(), shape, mode)
        for make, shape in [
            (lambda: GaussianNoise(0.5), (3, 4)),
            (lambda: GaussianNoise(0.0, seed=3), (2, 3, 2)),
            (lambda: GaussianDropout(0.3), (3, 4)),
            (lambda: GaussianDropout(0.5, seed=3), (2, 3, 2)),
            (lambda: AlphaDropout(0.4), (3, 4)),
            (lambda: AlphaDropout(0.4, noise_shape=(None, 1, None), seed=3), (2, 3, 2)),
            (lambda: SpatialDropout1D(0.5), (2, 3, 4)),
            (lambda: SpatialDropout1D(1.0, seed=3), (2, 1, 1)),
            (lambda: SpatialDropout2D(0.5), (2, 2, 3, 2)),
            (lambda: SpatialDropout2D(0.5, data_format="channels_first", seed=3), (2, 3, 2, 1)),
            (lambda: SpatialDropout3D(0.5), (2, 2, 1, 2, 3)),
            (lambda: SpatialDropout3D(0.5, "channels_first"), (2, 3, 1, 2, 1)),
            (lambda: ActivityRegularization(l1=0.1, l2=0.3), (2, 3)),
        ]
        for mode in (False, True)
    ],
]
