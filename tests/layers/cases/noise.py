"""Dropout, noise and penalized activities."""

from layers.cases.case import Case

FIRST = {"data_format": "channels_first"}
CASES = [
    Case("Dropout", {"rate": 0.4}, (4, 3)),
    Case("Dropout", {"rate": 0.4}, (2, 3, 2)),
    Case("Dropout", {"rate": 0.5, "noise_shape": (None, 1, None)}, (3, 4, 2)),
    Case("Dropout", {"rate": 0.5, "seed": 3}, (4, 3)),
    Case("Dropout", {"rate": {"PolynomialDecay": {"initial_learning_rate": 0.5, "decay_steps": 10}}}, (4, 3)),
    Case("Dropout", {"rate": 0.0}, (2, 3)),
    Case("Dropout", {"rate": 1.0}, (2, 3)),
    Case("GaussianNoise", {"stddev": 0.5}, (3, 4)),
    Case("GaussianNoise", {"stddev": 0.0, "seed": 3}, (2, 3, 2)),
    Case("GaussianDropout", {"rate": 0.3}, (3, 4)),
    Case("GaussianDropout", {"rate": 0.5, "seed": 3}, (2, 3, 2)),
    Case("AlphaDropout", {"rate": 0.4}, (3, 4)),
    Case("AlphaDropout", {"rate": 0.4, "noise_shape": (None, 1, None), "seed": 3}, (2, 3, 2)),
    Case("SpatialDropout1D", {"rate": 0.5}, (2, 3, 4)),
    Case("SpatialDropout1D", {"rate": 1.0, "seed": 3}, (2, 1, 1)),
    Case("SpatialDropout2D", {"rate": 0.5}, (2, 2, 3, 2)),
    Case("SpatialDropout2D", {"rate": 0.5, "seed": 3, **FIRST}, (2, 3, 2, 1)),
    Case("SpatialDropout3D", {"rate": 0.5}, (2, 2, 1, 2, 3)),
    Case("SpatialDropout3D", {"rate": 0.5, **FIRST}, (2, 3, 1, 2, 1)),
    Case("ActivityRegularization", {"l1": 0.1, "l2": 0.3}, (2, 3)),
]
